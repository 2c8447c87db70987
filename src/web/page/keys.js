/* The keyboard: everything without a pointer. */
import { byId } from "./dom.js";

/* [what is on the keys, what they do] */
export const KEYS = [
    ["← →", "previous and next epoch"],
    ["Home End", "first and newest epoch"],
    ["space p", "play, pause"],
    ["f", "follow the newest epoch"],
    ["j", "jump to an epoch"],
    ["↑ ↓", "the sample above, below"],
    ["Enter", "see a picture large"],
    ["o", "as published, or drawn here"],
    ["m", "next colour map"],
    ["c", "compare: nothing, epochs, runs, components"],
    ["d", "side by side, or the difference"],
    ["l", "copy a link to this view"],
    ["s", "what stages report"],
    ["t", "light or dark"],
    ["?", "these keys"],
];

/* Whether the key belongs to what has the focus. */
function isTaken(event) {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey)
        return true;
    if (at.matches("input[type=text], input[type=search], select"))
        return true;
    if (at.matches("input[type=range], input[type=radio]"))
        return /^(Arrow|Home|End|Page| )/.test(event.key) && !(at.id === "slider" && event.key === " ");
    return event.key === " " && at.matches("button, summary, a");
}

/* calls: what to do by the browser's name of the key; what returns false leaves
 * the key to the browser. */
export function startKeys(calls) {
    document.addEventListener("keydown", (event) => {
        const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        const other = document.querySelector("dialog[open]:not(#detail)");
        if (other || isTaken(event) || !calls[name])
            return;
        if (calls[name](event) !== false)
            event.preventDefault();
    });
    for (const id of ["jump", "with"])
        byId(id).addEventListener("keydown", (event) => {
            if (event.key === "Enter" || event.key === "Escape")
                byId(id).blur(); /* which takes in what was typed */
        });
}
