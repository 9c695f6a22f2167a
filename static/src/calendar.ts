/** The calendar: live prices and clocks of many lots over one socket. */
export {};
