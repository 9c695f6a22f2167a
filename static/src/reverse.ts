/** The live page of a reverse auction, for suppliers, the buyer and those who look on. */
import "./lot/announcer";
import "./lot/clock";
import "./lot/confirming";
import "./lot/connection";
import "./lot/history";
import "./lot/photos";
import "./lot/receipts";
import "./reverse/panel";
import "./reverse/place";
import "./reverse/ranking";
import { start } from "./lot/model";

start();
