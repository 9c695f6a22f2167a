/** The live lot page. */
import "./lot/announcer";
import "./lot/chart";
import "./lot/clock";
import "./lot/confirming";
import "./lot/connection";
import "./lot/history";
import "./lot/options";
import "./lot/panel";
import "./lot/photos";
import "./lot/receipts";
import "./lot/price";
import "./lot/result";
import "./lot/tools";
import { start } from "./lot/model";

start();
