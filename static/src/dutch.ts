/** The live page of a lot whose price falls. */
import "./lot/announcer";
import "./lot/clock";
import "./lot/confirming";
import "./lot/connection";
import "./lot/history";
import "./lot/photos";
import "./lot/receipts";
import "./lot/result";
import "./lot/tools";
import "./dutch/panel";
import "./dutch/price";
import { start } from "./lot/model";

start();
