/* The grid's columns and rows: what stands where, for every way of comparing. */
import { componentSubject, differenceSubject, imageSubject, partOf } from "./pictures.js";
import { epochName } from "./format.js";

function componentsOf(epoch) {
    const most = epoch.samples_list.reduce((n, sample) => Math.max(n, sample.components.length), 0);
    return Math.max(epoch.components ?? 0, most);
}

const title = (component) => `Component ${component + 1}`;

function plain(component, side, note) {
    return {
        key: `${side}${component}`, title: title(component), note, component, side,
        chart: side === "now",
        subject: (row, state) => componentSubject(row[side], component, state.draw),
        part: (row) => partOf(row[side], component),
    };
}

function difference(a, b, otherSide, names) {
    return {
        key: `diff${a}-${b}`, title: names.title, note: names.note, component: a, side: "now",
        chart: a === b, difference: true,
        subject: (row) => differenceSubject(row.now, a, row[otherSide], b),
        part: (row) => partOf(row.now, a),
    };
}

const image = {
    key: "image", title: "Image", note: "", side: "now",
    subject: (row) => imageSubject(row.now),
    part: () => null,
};

/* One, or two beside each other, or their difference, for each component. */
function paired(components, state, other) {
    if (!other)
        return components.map((c) => plain(c, "now", ""));
    const [now, then] = other.names;
    if (state.look === "difference")
        return components.map((c) => difference(c, c, "other", { title: title(c), note: `${now} − ${then}` }));
    return components.flatMap((c) => [
        { ...plain(c, "other", then), first: true }, plain(c, "now", now)]);
}

function twoComponents(state, n) {
    const a = Math.min(state.a, n - 1), b = Math.min(state.b, n - 1);
    if (state.look === "difference")
        return [difference(a, b, "now", { title: `${title(a)} − ${b + 1}`, note: "" })];
    return a === b ? [plain(a, "now", "")] : [plain(a, "now", ""), plain(b, "now", "")];
}

/* other: {epoch, names: [of what is shown, of this]}, or null. */
export function columnsOf(epoch, state, other) {
    const n = componentsOf(epoch);
    const components = Array.from({ length: n }, (_, c) => c);
    if (state.compare === "component" && n > 0)
        return [image, ...twoComponents(state, n)];
    return [image, ...paired(components, state, other)];
}

/* A sample of the other epoch is the same one where its place in the data is;
 * shuffled data has no such sample, and then none is shown. */
const placeOf = (sample) => JSON.stringify([sample.ds_id, sample.step, sample.index, sample.rank]);

export function isRight(sample) {
    return sample.label !== null && sample.pred !== null ? sample.label === sample.pred : null;
}

function passes(sample, state) {
    return (state.ds === null || sample.ds_id === state.ds) &&
        (state.label === null || sample.label === state.label) &&
        (state.pred === null || sample.pred === state.pred) &&
        (state.right === "all" || isRight(sample) === (state.right === "right"));
}

export function isFiltered(state) {
    return state.ds !== null || state.label !== null || state.pred !== null || state.right !== "all";
}

export function rowsOf(epoch, state, other) {
    const others = new Map();
    for (const sample of other?.epoch.samples_list ?? [])
        others.set(placeOf(sample), sample);
    return epoch.samples_list.filter((sample) => passes(sample, state))
        .map((now) => ({ now, other: others.get(placeOf(now)) }));
}

/* The epoch to compare with in a series: a name ("12", "12.2"), the first one, or
 * the one before; the nearest below where that very one is not there. */
export function pickEpoch(series, name, shown) {
    if (series.length === 0)
        return null;
    if (name === "first")
        return series[0];
    if (name === "before")
        return series[Math.max(0, series.findIndex((row) => row.id === shown?.id) - 1)];
    const exact = series.find((row) => epochName(row) === name);
    if (exact)
        return exact;
    const below = series.filter((row) => row.epoch <= Number.parseInt(name, 10));
    return below.length ? below[below.length - 1] : series[0];
}
