/* Runs with their outputs and modes, and the data sets of what is shown. */
import { byId, el, setText } from "./dom.js";
import { dataSet, time } from "./format.js";

const MANY = 8; /* runs: then a field to find one */

export class Sidebar {
    /* actions: {choose(place), chooseSet(ds)} */
    constructor(actions) {
        this.actions = actions;
        this.fresh = new Set(); /* places with epochs that were not looked at yet */
        byId("find-run").addEventListener("input", () => this.#draw());
    }

    update(store, place) {
        /* By their beginning, so that runs which take turns don't change places. */
        const runs = [...store.runs].sort((a, b) => b.first_ns - a.first_ns || b.id - a.id);
        Object.assign(this, { runs, place });
        this.fresh.delete(keyOf(place));
        byId("find-run").hidden = runs.length <= MANY;
        setText(byId("place-now"), `${place.name} · ${place.output} · ${place.mode}`);
        this.#draw();
    }

    arrived(place) {
        if (keyOf(place) !== keyOf(this.place ?? {}))
            this.fresh.add(keyOf(place));
    }

    #draw() {
        const find = byId("find-run").value.toLowerCase();
        const runs = this.runs.filter((run) => run.name.toLowerCase().includes(find));
        const focused = document.activeElement?.dataset?.place;
        byId("runs").replaceChildren(...runs.map((run) => this.#run(run)));
        if (focused)
            [...byId("runs").querySelectorAll("button")].find((b) => b.dataset.place === focused)?.focus();
    }

    #run(run) {
        const places = run.outputs.flatMap((output) => output.modes.map((mode) => this.#place(run, output, mode)));
        return el("li", null,
            el("div", { class: "run" }, el("span", { class: "run-name", title: run.name }, run.name),
               el("time", null, time(run.last_ns))),
            el("ul", null, places));
    }

    #place(run, output, mode) {
        const place = { run: run.id, name: run.name, output: output.output, mode: mode.mode };
        const key = keyOf(place), current = key === keyOf(this.place);
        return el("li", null, el("button", {
            type: "button", "data-place": key, "aria-current": current ? "true" : null,
            onclick: () => this.actions.choose(place),
        }, el("span", { class: "output", title: output.output }, output.output), el("span", { class: "mode" }, mode.mode),
           this.fresh.has(key) ? el("span", { class: "fresh", title: "new epochs" }, "•") : null,
           el("span", { class: "epochs", title: "epochs" }, String(mode.epochs))));
    }

    /* sets: the data sets of the epoch shown. */
    showSets(sets, chosen) {
        const key = JSON.stringify([sets, chosen]);
        byId("datasets").hidden = sets.length < 2 && chosen === null;
        if (this.setsKey === key)
            return;
        this.setsKey = key;
        const choices = [[null, "all"], ...sets.map((ds) => [ds, dataSet(ds)])];
        byId("ds-choices").replaceChildren(...choices.map(([ds, text]) => el("label", null,
            el("input", { type: "radio", name: "ds", checked: ds === chosen,
                          onchange: () => this.actions.chooseSet(ds) }), el("span", null, text))));
    }
}

function keyOf(place) {
    return JSON.stringify([place.run, place.output, place.mode]);
}
