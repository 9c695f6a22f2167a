/** The calendar: live prices and clocks of many lots over one socket. */
import "./calendar/card";
import { connect } from "./live/socket";

connect();
