/* Numbers and times as people read them. */

const UNITS = ["B", "KB", "MB", "GB", "TB"];

export function bytes(n) {
    let unit = 0;
    while (n >= 1000 && unit < UNITS.length - 1) {
        n /= 1000;
        unit++;
    }
    return `${n >= 100 || unit === 0 ? Math.round(n) : n.toPrecision(2)} ${UNITS[unit]}`;
}

export function duration(ns) {
    const ms = ns / 1e6;
    if (ms < 1000)
        return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
    return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
}

export function percent(share) {
    if (share === null || share === undefined)
        return "–";
    return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

export function number(value) {
    if (value === null || value === undefined)
        return "–";
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}

export function count(n, one, many = `${one}s`) {
    return `${n} ${n === 1 ? one : many}`;
}

export function time(ns) {
    const date = new Date(ns / 1e6), now = new Date();
    const clock = date.toLocaleTimeString([], { hour12: false });
    if (date.toDateString() === now.toDateString())
        return clock;
    return `${date.toLocaleDateString("sv")} ${clock}`;
}

/* "12", or "12.2" for the second attempt. */
export function epochName(row) {
    return row.attempt > 1 ? `${row.epoch}.${row.attempt}` : String(row.epoch);
}

export function dataSet(ds) {
    return ds === "" ? "(no name)" : ds;
}
