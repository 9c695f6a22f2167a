/** The live page of a sale of many units at one price. */
import "./lot/announcer";
import "./lot/clock";
import "./lot/confirming";
import "./lot/connection";
import "./lot/history";
import "./lot/photos";
import "./lot/receipts";
import "./lot/tools";
import "./uniform/clearing";
import "./uniform/panel";
import "./uniform/price";
import { start } from "./lot/model";

start();
