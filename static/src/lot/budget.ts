/** What this browser remembers for the bidder of this page's lot. */
import { keptBudget } from "../live/remembered";
import { page } from "./page";

export { shortcutsOn, soundOn } from "../live/remembered";

export const budget = keptBudget(page.lot);
