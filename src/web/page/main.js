/* The gallery: what is looked at, where it comes from, and in which order things
 * happen when either changes. */
import { Epochs, FIRST_SAMPLES, getSeries, getStore } from "./api.js";
import { Detail } from "./detail.js";
import { Dialogs } from "./dialogs.js";
import { byId, setText, throttled } from "./dom.js";
import { epochName } from "./format.js";
import { Grid, SEEN_AT_FIRST } from "./grid.js";
import { COLORMAPS } from "./heat.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { Media } from "./media.js";
import { needsOf } from "./pictures.js";
import { columnsOf, isFiltered, pickEpoch, rowsOf } from "./plan.js";
import { Sidebar } from "./sidebar.js";
import { format, parse } from "./state.js";
import { nextTheme, startTheme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { explainEmpty, styleOf, Tools } from "./tools.js";

const MORE_ROWS = 200;
const AHEAD = 5; /* epochs fetched before they are asked for */
const HELLO_PATIENCE_MS = 500;
const ADDRESS_PAUSE_MS = 300; /* browsers refuse more than a few changes a second */

const keyOf = (place) => JSON.stringify([place.run, place.output, place.mode]);
const byEpoch = (a, b) => a.epoch - b.epoch || a.attempt - b.attempt;
const nextOf = (list, value) => list[(list.indexOf(value) + 1) % list.length];

class App {
    constructor() {
        Object.assign(this, { state: parse(location.hash), store: null, place: null, series: [], index: -1,
                              seriesOf: new Map(), missed: new Set(), wanted: 0, loadsWanted: 0, direction: 1, rowLimit: FIRST_SAMPLES });
        this.media = new Media();
        this.epochs = new Epochs();
        this.dialogs = new Dialogs();
        this.timeline = new Timeline({ go: (index) => this.go(index), follow: (on) => this.follow(on) });
        this.sidebar = new Sidebar({ choose: (place) => this.choose(place), chooseSet: (ds) => this.change({ ds }) });
        this.tools = new Tools((patch) => this.change(patch));
        this.grid = new Grid(byId("grid"), this.media, {
            onOpen: (sample, column) => this.change({ sample: sample.number, column: column.key }),
            onPick: (index) => this.go(index),
        });
        this.detail = new Detail(this.media, {
            close: () => this.change({ sample: null, column: null }),
            choose: (column) => this.change({ column }),
            step: (by) => this.timeline.step(by),
        });
        this.saveAddress = throttled(() => this.#writeAddress(), ADDRESS_PAUSE_MS);
        this.refreshStore = throttled(() => this.#refreshStore(), 1000);
    }

    // ---- what is looked at ----

    change(patch) {
        Object.assign(this.state, patch);
        if (this.place) {
            this.saveAddress();
            this.show();
        }
    }

    choose(place) {
        this.timeline.stop();
        Object.assign(this.state, { run: place.name, output: place.output, mode: place.mode, epoch: null,
                                    ds: null, label: null, pred: null, sample: null, column: null });
        this.rowLimit = FIRST_SAMPLES;
        this.saveAddress();
        return this.load();
    }

    go(index) {
        this.direction = index < this.index ? -1 : 1;
        this.state.epoch = epochName(this.series[index]);
        this.change({});
    }

    follow(on) {
        this.timeline.stop();
        this.change({ epoch: on || this.index < 0 ? null : epochName(this.series[this.index]) });
    }

    /* The run, output and mode that the state names, or the nearest to it. */
    #findPlace(store, state) {
        const run = store.runs.find((one) => one.name === state.run) ?? store.runs[0];
        const places = run.outputs.flatMap(({ output, modes }) => modes.map(({ mode, newest }) =>
            ({ run: run.id, name: run.name, output, mode, newest })));
        const fits = (place) => (place.output === state.output) + (place.mode === state.mode);
        return places.sort((a, b) => fits(b) - fits(a) || b.newest - a.newest)[0];
    }

    #wantedIndex() {
        if (this.state.epoch === null)
            return this.series.length - 1;
        return this.series.indexOf(pickEpoch(this.series, this.state.epoch, this.series[this.index]));
    }

    #writeAddress() {
        const state = { ...this.state, run: this.place.name, output: this.place.output, mode: this.place.mode };
        history.replaceState(null, "", format(state));
    }

    async copyLink() {
        const row = this.series[this.index];
        const state = { ...this.state, run: this.place.name, output: this.place.output, mode: this.place.mode,
                        epoch: row ? epochName(row) : null };
        const link = new URL(format(state), location.href).href;
        try {
            await navigator.clipboard.writeText(link);
            this.announce("The link is copied");
            setText(byId("copy-link"), "Copied");
        } catch { /* not allowed here: then it stands in the address */
            history.replaceState(null, "", link);
            this.announce("The link is in the address bar");
            setText(byId("copy-link"), "In the address bar");
        }
        setTimeout(() => setText(byId("copy-link"), "Copy link"), 2000);
    }

    announce(text) {
        setText(byId("announce"), text);
    }

    // ---- from the server ----

    /* All anew: store, series, and what is shown of them. One load at a time; who
     * asks while one is on its way gets another one behind it. */
    async load() {
        this.loadsWanted++;
        if (this.loading)
            return;
        this.loading = true;
        for (let done = 0; done !== this.loadsWanted;) {
            done = this.loadsWanted;
            try {
                await this.#loadOnce();
            } catch (error) {
                this.#loadFailed(error);
            }
        }
        this.loading = false;
    }

    async #loadOnce() {
        this.store = await getStore();
        this.fail(null);
        setText(byId("store"), this.store.store);
        byId("empty").hidden = this.store.runs.length > 0;
        byId("main").hidden = this.store.runs.length === 0;
        if (this.store.runs.length === 0) {
            this.place = null;
            explainEmpty(byId("empty"), this.store, false);
            byId("runs").replaceChildren();
            return;
        }
        const place = this.#findPlace(this.store, this.state);
        if (this.state.epoch === null)
            this.#fetchPictures(place.newest, SEEN_AT_FIRST).catch(() => {}); /* asked for again below */
        this.series = await this.#getSeries(place);
        this.place = place;
        this.index = -1;
        this.sidebar.update(this.store, place);
        document.title = `${place.name} · eigencam`;
        await this.show();
    }

    #loadFailed(error) {
        if (this.place || !error.waiting) {
            this.fail(error);
            return;
        }
        byId("empty").hidden = false;
        byId("main").hidden = true;
        explainEmpty(byId("empty"), null, true);
    }

    fail(error) {
        byId("problem").hidden = !error;
        setText(byId("problem"), error ? `This can’t be shown now: ${error.message}` : "");
        if (error && byId("main").hidden && byId("empty").hidden)
            byId("main").hidden = false;
    }

    async #getSeries(place) {
        const key = keyOf(place);
        while (!this.seriesOf.has(key)) {
            this.missed.delete(key);
            const series = await getSeries(place);
            if (!this.missed.has(key)) /* else an epoch came that may not be in it */
                this.seriesOf.set(key, series);
        }
        return this.seriesOf.get(key);
    }

    async #refreshStore() {
        try {
            this.store = await getStore();
            if (this.place && this.store.runs.length)
                this.sidebar.update(this.store, this.place);
        } catch {
            /* as it was: the next event asks again */
        }
    }

    reload() {
        this.epochs.forgetAll();
        this.seriesOf.clear();
        return this.load();
    }

    /* An epoch is there, or has changed. */
    async arrived(event) {
        this.epochs.forget(event.id);
        if (!this.place) {
            await this.reload();
            return;
        }
        this.sidebar.arrived(event);
        this.refreshStore();
        const key = keyOf(event);
        if (key !== keyOf(this.place)) {
            this.seriesOf.delete(key);
            return;
        }
        const row = await this.epochs.get(event.id);
        if (!this.seriesOf.has(key)) {
            this.missed.add(key);
            return;
        }
        const shownId = this.series[this.index]?.id;
        const series = [...this.seriesOf.get(key).filter((one) => one.id !== row.id), row].sort(byEpoch);
        this.seriesOf.set(key, series);
        if (key !== keyOf(this.place))
            return; /* another was chosen meanwhile */
        this.series = series;
        this.index = series.findIndex((one) => one.id === shownId);
        this.announce(`Epoch ${epochName(row)} of ${event.run_name} has arrived`);
        await this.show();
    }

    // ---- on the screen ----

    /* One at a time, and only the last that was asked for: whoever drags the
     * slider over a thousand epochs does not wait for them all. */
    async show() {
        this.wanted++;
        this.timeline.place(this.series, this.#wantedIndex(), this.state.epoch === null);
        if (this.showing)
            return;
        this.showing = this.timeline.busy = true;
        for (let done = 0; done !== this.wanted;) {
            done = this.wanted;
            try {
                await this.#showOnce(done);
            } catch (error) {
                this.fail(error);
            }
        }
        this.showing = this.timeline.busy = false;
    }

    async #showOnce(turn) {
        const index = this.#wantedIndex(), row = this.series[index], { place, series } = this;
        const epoch = await this.#getEpoch(row.id);
        const other = await this.#getOther(row, place);
        if (place !== this.place)
            return;
        const view = this.#view({ index, row, epoch, other, place, series });
        byId("grid").style.setProperty("--size", `${this.state.size}px`);
        byId("grid").classList.toggle("paired", other !== null && this.state.look === "side");
        await Promise.all([this.grid.show(view), this.#showDetail(view)]);
        this.fail(null);
        requestAnimationFrame(() => markShown(row));
        if (turn === this.wanted)
            this.#fetchAhead(turn);
    }

    #getEpoch(id) {
        const all = isFiltered(this.state) || this.rowLimit > FIRST_SAMPLES;
        const known = !all && this.epochs.peek(id);
        return known || (all ? this.epochs.whole(id) : this.epochs.get(id));
    }

    /* What it is compared with: {epoch, names, row, place}, or null. */
    async #getOther(row, place) {
        if (this.state.compare === "epoch") {
            const other = pickEpoch(this.series, this.state.with, row);
            return { epoch: await this.#getEpoch(other.id), row: other,
                     names: [row, other].map((one) => `epoch ${epochName(one)}`) };
        }
        if (this.state.compare !== "run")
            return null;
        const otherPlace = this.#otherPlace(place);
        const series = otherPlace ? await this.#getSeries(otherPlace) : [];
        const other = pickEpoch(series, epochName(row), null);
        if (!other)
            return null;
        const keys = ["name", "output", "mode"].filter((key) => otherPlace[key] !== place[key]);
        const nameOf = (one, { epoch }) => [...keys.map((key) => one[key]),
            other.epoch === row.epoch ? null : `epoch ${epoch}`].filter(Boolean).join(", ");
        return { epoch: await this.#getEpoch(other.id), row: other, place: otherPlace,
                 names: [nameOf(place, row), nameOf(otherPlace, other)] };
    }

    #otherPlace(place) {
        const { withrun, withoutput, withmode } = this.state;
        const places = this.store.runs.flatMap((run) => run.outputs.flatMap(({ output, modes }) =>
            modes.map(({ mode }) => ({ run: run.id, name: run.name, output, mode }))))
            .filter((one) => keyOf(one) !== keyOf(place));
        return places.find((one) => one.name === withrun && one.output === withoutput && one.mode === withmode) ??
            places.find((one) => one.output === place.output && one.mode === place.mode) ?? places[0];
    }

    #view({ index, row, epoch, other, place, series }) {
        const state = { ...this.state }, style = styleOf(state, epoch);
        const allRows = rowsOf(epoch, state, other), columns = columnsOf(epoch, state, other);
        const rows = allRows.slice(0, this.rowLimit);
        return {
            state, style, epoch, other, place, series, index, columns, allRows, rows,
            otherExplained: other?.row.explained,
            committed: () => {
                this.index = index;
                this.timeline.shown(series, index, epoch);
                this.#showTools({ state, style, epoch, row, place, other });
                this.#showRest(rows, allRows.length, epoch, other);
            },
        };
    }

    #showTools(view) {
        const sets = [...new Set(view.epoch.samples_list.map((sample) => sample.ds_id))];
        this.sidebar.showSets(sets, view.state.ds);
        const components = Math.max(1, view.epoch.components ?? 1);
        this.tools.update({ ...view, components, store: this.store });
    }

    /* What is not shown, and why. */
    #showRest(rows, passing, epoch, other) {
        const unseen = passing - rows.length + (epoch.total - epoch.samples_list.length);
        byId("more").hidden = unseen <= 0;
        setText(byId("more"), `Show more (${unseen} left)`);
        const strangers = other !== null && rows.every((row) => !row.other);
        byId("none").hidden = rows.length > 0 && !strangers;
        if (rows.length > 0)
            setText(byId("none"), `${other?.names[1]} has none of these samples: there is nothing to compare.`);
        else
            setText(byId("none"), epoch.total === 0 ? "This epoch has no samples." : "No sample passes these filters.");
    }

    async #showDetail(view) {
        if (view.state.sample !== null || this.detail.isOpen)
            await this.detail.show(view.state.sample === null ? null : view);
    }

    /* What is likely to be asked for next, as long as nothing else is. */
    async #fetchAhead(turn) {
        const steps = Array.from({ length: AHEAD }, (_, i) => (i + 1) * this.direction);
        for (const step of [...steps, -this.direction]) {
            const row = this.series[this.index + step];
            if (!row)
                continue;
            try {
                await this.#fetchPictures(row.id, this.grid.visibleCount());
            } catch {
                return; /* it is told when it is asked for */
            }
            if (turn !== this.wanted)
                return;
        }
    }

    /* An epoch and what its first rows show, to have them at hand. */
    async #fetchPictures(id, rowCount) {
        const epoch = await this.epochs.get(id);
        const other = this.state.compare === "none" ? null : this.grid.view?.other ?? null;
        const rows = rowsOf(epoch, this.state, other).slice(0, rowCount);
        const columns = columnsOf(epoch, this.state, other);
        await this.media.all(rows.flatMap((row) =>
            columns.flatMap((column) => needsOf(column.subject(row, this.state)))));
    }

    keys() {
        const step = (by) => this.timeline.step(by);
        return {
            ArrowLeft: () => step(-1), ArrowRight: () => step(1),
            Home: () => this.timeline.go(0), End: () => this.timeline.go(this.series.length - 1),
            " ": () => this.timeline.toggle(), p: () => this.timeline.toggle(),
            ArrowUp: (event) => this.#moveSample(event, -1), ArrowDown: (event) => this.#moveSample(event, 1),
            f: () => this.follow(this.state.epoch !== null),
            j: () => byId("jump").select(),
            o: () => this.change({ draw: this.state.draw === "stage" ? "page" : "stage" }),
            m: () => this.change({ draw: "page", colormap: nextOf(COLORMAPS, byId("colormap").value) }),
            c: () => this.change({ compare: nextOf(["none", "epoch", "run", "component"], this.state.compare) }),
            d: () => this.change({ look: nextOf(["side", "difference"], this.state.look) }),
            l: () => this.copyLink(), s: () => this.dialogs.reports(), t: () => nextTheme(),
            "?": () => this.dialogs.keys(),
        };
    }

    #moveSample(event, by) {
        if (this.detail.isOpen) {
            const rows = this.grid.view.rows;
            const at = rows.findIndex((row) => row.now.number === this.state.sample);
            if (rows[at + by])
                this.change({ sample: rows[at + by].now.number });
            return true;
        }
        const button = event.target.matches(".picture") ? this.grid.neighbour(event.target, by) : null;
        button?.focus();
        return button !== null && button !== undefined;
    }
}

/* For whoever measures: when an epoch stood on the page. */
function markShown(row) {
    performance.clearMarks("eigencam:shown");
    performance.mark("eigencam:shown", { detail: { id: row.id, epoch: row.epoch } });
}

function start() {
    const app = new App();
    let loaded = false;
    const loadAll = () => {
        loaded = true;
        return app.reload();
    };
    startTheme();
    startKeys(new Proxy(app.keys(), { get: (keys, name) => (app.place || "st?".includes(name) ? keys[name] : undefined) }));
    byId("copy-link").addEventListener("click", () => app.place && app.copyLink());
    byId("more").addEventListener("click", () => {
        app.rowLimit += MORE_ROWS;
        app.change({});
    });
    addEventListener("hashchange", () => {
        app.state = parse(location.hash);
        app.load();
    });
    if (matchMedia("(max-width: 720px)").matches)
        for (const id of ["places", "options"])
            byId(id).open = false;
    startLive({
        hello: (hello) => (hello.resync || !loaded) && loadAll(),
        epoch: (event) => app.arrived(event).catch((error) => app.fail(error)),
        gone: loadAll,
        error: () => app.dialogs.newError(),
    });
    /* Also where events can't be had: too many look at it already. */
    setTimeout(() => loaded || loadAll(), HELLO_PATIENCE_MS);
}

start();
