/** The live page of a sale by sealed bids. */
import "./lot/announcer";
import "./lot/connection";
import "./lot/history";
import "./lot/photos";
import "./lot/receipts";
import "./lot/result";
import "./sealed_glance";
import "./sealed_opened";
import "./sealed_panel";
import { start } from "./lot/model";

start();
