/** The room of a sale and the watch list: live cards, quick bids, the keyboard, the bidder's own budget. */
import "./calendar/card";
import "./live/confirming";
import "./sale/budget";
import "./sale/keyboard";
import "./sale/quick_bid";
import { connect } from "./live/socket";

connect();
