/* Colours, comparison and filters: the controls, and what they say of the view. */
import { byId, el, setOptions, setText } from "./dom.js";
import { epochName } from "./format.js";
import { COLORMAPS, swatches } from "./heat.js";
import { isFiltered } from "./plan.js";

const ANY = "\u0000any"; /* no label is this */

const segments = (name) => [...document.querySelectorAll(`[data-${name}]`)];

/* How pictures that are drawn here are drawn: as the stage drew them, where
 * nothing else is asked for. */
export function styleOf(state, epoch) {
    const drawn = epoch?.draw ?? {};
    return {
        colormap: state.colormap ?? (COLORMAPS.includes(drawn.colormap) ? drawn.colormap : "jet"),
        blend: state.blend ?? (drawn.blend && drawn.blend !== "add" ? "mix" : "add"),
        opacity: state.opacity / 100,
        threshold: state.threshold / 100,
    };
}

export class Tools {
    /* change(patch): something was chosen. */
    constructor(change) {
        this.change = change;
        setOptions(byId("colormap"), COLORMAPS.map((name) => [name, name]), "jet");
        this.#colours();
        this.#comparison();
        this.#filters();
    }

    #on(id, event, patch) {
        byId(id).addEventListener(event, () => this.change(patch(byId(id).value)));
    }

    #colours() {
        for (const button of segments("draw"))
            button.addEventListener("click", () => this.change({ draw: button.dataset.draw }));
        /* To touch a colour is to ask for pictures that have it. */
        this.#on("colormap", "change", (colormap) => ({ colormap, draw: "page" }));
        this.#on("blend", "change", (blend) => ({ blend, draw: "page" }));
        this.#on("opacity", "input", (opacity) => ({ opacity: Number(opacity), draw: "page" }));
        this.#on("threshold", "input", (threshold) => ({ threshold: Number(threshold), draw: "page" }));
        this.#on("size", "input", (size) => ({ size: Number(size) }));
    }

    #comparison() {
        this.#on("compare", "change", (compare) => ({ compare }));
        this.#on("with-kind", "change", (kind) => ({ with: kind === "number" ? this.shownEpoch : kind }));
        this.#on("with", "change", (text) => ({ with: /^\d+(\.\d+)?$/.test(text.trim()) ? text.trim() : "first" }));
        this.#on("with-place", "change", (text) => {
            const [name, output, mode] = JSON.parse(text || "[null, null, null]");
            return { withrun: name, withoutput: output, withmode: mode };
        });
        this.#on("component-a", "change", (a) => ({ a: Number(a) }));
        this.#on("component-b", "change", (b) => ({ b: Number(b) }));
        for (const button of segments("look"))
            button.addEventListener("click", () => this.change({ look: button.dataset.look }));
    }

    #filters() {
        for (const key of ["label", "pred"])
            this.#on(key, "change", (value) => ({ [key]: value === ANY ? null : value }));
        this.#on("right", "change", (right) => ({ right }));
        byId("clear").addEventListener("click", () =>
            this.change({ ds: null, label: null, pred: null, right: "all" }));
    }

    /* view: {state, style, epoch, row, components, place, store, other} */
    update(view) {
        this.#showColours(view.state, view.style);
        this.#showComparison(view);
        this.#showFilters(view.state, view.epoch);
    }

    #showColours(state, style) {
        for (const button of segments("draw"))
            button.setAttribute("aria-pressed", button.dataset.draw === state.draw);
        byId("colormap").value = style.colormap;
        byId("blend").value = style.blend;
        for (const key of ["opacity", "threshold"]) {
            byId(key).value = state[key];
            setText(byId(`${key}-out`), `${state[key]} %`);
        }
        byId("size").value = state.size;
        if (this.legend !== style.colormap) {
            this.legend = style.colormap;
            byId("legend").style.background = `linear-gradient(to right, ${swatches(style.colormap, 24).join(",")})`;
        }
    }

    #showComparison({ state, row, components, place, store, other }) {
        this.shownEpoch = epochName(row);
        byId("compare").value = state.compare;
        byId("with-epoch").hidden = state.compare !== "epoch";
        byId("with-run").hidden = state.compare !== "run";
        byId("with-components").hidden = state.compare !== "component";
        byId("look").hidden = state.compare === "none";
        for (const button of segments("look"))
            button.setAttribute("aria-pressed", button.dataset.look === state.look);
        const named = state.with === "first" || state.with === "before";
        byId("with-kind").value = named ? state.with : "number";
        byId("with").hidden = named;
        if (!named && document.activeElement !== byId("with"))
            byId("with").value = state.with;
        const numbers = Array.from({ length: components }, (_, c) => [String(c), String(c + 1)]);
        setOptions(byId("component-a"), numbers, String(Math.min(state.a, components - 1)));
        setOptions(byId("component-b"), numbers, String(Math.min(state.b, components - 1)));
        if (state.compare === "run")
            this.#showPlaces(store, place, other);
    }

    #showPlaces(store, place, other) {
        const options = store.runs.flatMap((run) => run.outputs.flatMap(({ output, modes }) =>
            modes.filter(({ mode }) => !(run.id === place.run && output === place.output && mode === place.mode))
                .map(({ mode }) => [JSON.stringify([run.name, output, mode]), `${run.name} · ${output} · ${mode}`])));
        const chosen = other?.place
            ? JSON.stringify([other.place.name, other.place.output, other.place.mode]) : options[0]?.[0];
        setOptions(byId("with-place"), options.length ? options : [["", "there is no other run"]], chosen ?? "");
    }

    #showFilters(state, epoch) {
        for (const key of ["label", "pred"]) {
            const found = new Set(epoch.samples_list.map((sample) => sample[key]).filter((text) => text !== null));
            if (state[key] !== null)
                found.add(state[key]); /* stays choosable where an epoch has none */
            const sorted = [...found].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
            setOptions(byId(key), [[ANY, "any"], ...sorted.map((text) => [text, text])], state[key] ?? ANY);
            byId(key).disabled = found.size === 0;
        }
        byId("right").value = state.right;
        byId("clear").hidden = !isFiltered(state);
    }
}

/* What an empty store says: how pictures come to be in it. */
export function explainEmpty(root, store, waiting) {
    const step = (text, command) => el("li", null, text, el("pre", null, el("code", null, command)));
    root.replaceChildren(
        el("h2", null, "No pictures yet"),
        el("p", null, waiting ? "The store is not there yet: a logger makes it. "
            : `The store “${store?.store ?? ""}” is empty. `,
           "They appear here by themselves, as soon as a first epoch is over:"),
        el("ol", null,
            step("Start a stage, and a logger that keeps what it publishes in this store’s folder:",
                 "eigencam stage &\neigencam log --dir DIR &"),
            step("Watch a layer of the model in the training script:",
                 'import eigencam\ncam = eigencam.watch(model, "layer4")'),
            step("Or try it without a model: a recorded training plays in", "scripts/demo")));
}
