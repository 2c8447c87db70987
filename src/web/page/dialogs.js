/* What stages report, and the list of keys. */
import { getErrors, getStats } from "./api.js";
import { byId, el, setText } from "./dom.js";
import { time } from "./format.js";
import { KEYS } from "./keys.js";

function errorItem(error) {
    return el("li", null, el("time", null, time(error.time_ns)), el("span", { class: "code" }, error.code),
              el("span", null, [error.run && `run ${error.run}`, error.rank !== null && error.rank !== undefined &&
                  `rank ${error.rank}`].filter(Boolean).join(", ")),
              el("p", null, error.message));
}

function statsTable(stats) {
    const rows = Object.entries(stats.counters).map(([name, value]) =>
        el("tr", null, el("th", { scope: "row" }, name), el("td", null, value.toLocaleString("en"))));
    return el("section", null, el("h3", null, `Stage ${stats.stage}, ${time(stats.time_ns)}`),
              el("table", { class: "counters" }, el("tbody", null, rows)));
}

export class Dialogs {
    constructor() {
        this.unread = 0;
        for (const button of document.querySelectorAll("[data-close]"))
            button.addEventListener("click", () => button.closest("dialog").close());
        byId("messages").addEventListener("click", () => this.reports());
        byId("help").addEventListener("click", () => this.keys());
        byId("keys-list").replaceChildren(...KEYS.flatMap(([key, text]) =>
            [el("dt", null, key.split(" ").map((one) => el("kbd", null, one))), el("dd", null, text)]));
    }

    keys() {
        byId("keys").showModal();
    }

    newError() {
        this.#count(this.unread + 1);
    }

    #count(unread) {
        this.unread = unread;
        byId("errors").hidden = unread === 0;
        setText(byId("errors"), String(unread));
        byId("messages").setAttribute("aria-label", unread ? `Messages, ${unread} new` : "Messages");
    }

    async reports() {
        const body = byId("reports-body");
        if (!byId("reports").open)
            byId("reports").showModal();
        this.#count(0);
        try {
            const [{ errors }, { stats }] = await Promise.all([getErrors(), getStats()]);
            body.replaceChildren(
                el("h3", null, "What was wrong"),
                errors.length ? el("ul", { class: "errors" }, errors.map(errorItem))
                    : el("p", null, "Nothing: no stage has complained."),
                ...stats.map(statsTable));
        } catch (error) {
            body.replaceChildren(el("p", null, error.message));
        }
    }
}
