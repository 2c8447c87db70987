/* The slider over epochs, and what moves it. */
import { byId, el, setText, svg } from "./dom.js";
import { bytes, count, duration, epochName, time } from "./format.js";
import { pictureUrl } from "./media.js";

function listen(id, event, call) {
    byId(id).addEventListener(event, call);
}

/* What makes an epoch worth a mark or a word of warning. */
export function warningsOf(row) {
    const warnings = [];
    if (row.complete === null)
        warnings.push("not summed up yet");
    if (row.complete === false)
        warnings.push(row.missing_ranks?.length
            ? `incomplete: ${count(row.missing_ranks.length, "rank")} missing (${row.missing_ranks.join(", ")})`
            : "incomplete");
    for (const key of ["lost", "rejected", "late"])
        if (row[key] > 0)
            warnings.push(`${count(row[key], "message")} ${key}`);
    return warnings;
}

export class Timeline {
    /* actions: {go(index), follow(on)} */
    constructor(actions) {
        Object.assign(this, { actions, series: [], index: -1, timer: 0 });
        listen("slider", "input", () => actions.go(Number(byId("slider").value)));
        listen("first", "click", () => this.go(0));
        listen("last", "click", () => this.go(this.series.length - 1));
        listen("previous", "click", () => this.step(-1));
        listen("next", "click", () => this.step(1));
        listen("play", "click", () => this.toggle());
        listen("follow", "click", () => actions.follow(byId("follow").getAttribute("aria-pressed") !== "true"));
        listen("jump", "change", () => this.jump(byId("jump").value));
        listen("speed", "change", () => this.timer && this.#schedule());
    }

    go(index) {
        if (this.series.length)
            this.actions.go(Math.min(Math.max(index, 0), this.series.length - 1));
    }

    /* From where the slider is, which may be ahead of the pictures. */
    step(by) {
        this.go(Number(byId("slider").value) + by);
    }

    /* To an epoch by its name, or the nearest there is. */
    jump(text) {
        const exact = this.series.findLastIndex((row) => epochName(row) === text.trim() ||
            String(row.epoch) === text.trim());
        const wanted = Number.parseFloat(text);
        if (exact >= 0 || Number.isNaN(wanted)) {
            this.go(exact >= 0 ? exact : this.index);
            return;
        }
        const far = this.series.map((row) => Math.abs(row.epoch - wanted));
        this.go(far.indexOf(Math.min(...far)));
    }

    toggle() {
        if (this.timer) {
            this.stop();
            return;
        }
        if (this.index >= this.series.length - 1)
            this.go(0);
        this.#schedule();
        this.#playing(true);
    }

    stop() {
        clearInterval(this.timer);
        this.timer = 0;
        this.#playing(false);
    }

    #schedule() {
        clearInterval(this.timer);
        this.timer = setInterval(() => this.#tick(), 1000 / Number(byId("speed").value));
    }

    #tick() {
        if (this.index >= this.series.length - 1)
            this.stop();
        else if (!this.busy) /* a slow picture makes it slower, not jerky */
            this.go(this.index + 1);
    }

    #playing(on) {
        setText(byId("play"), on ? "⏸" : "▶");
        byId("play").setAttribute("aria-pressed", on);
        byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
    }

    /* The place of the slider, before the pictures are there. */
    place(series, index, following) {
        const slider = byId("slider"), row = series[index];
        if (this.series !== series) {
            this.series = series;
            this.#mark(series);
        }
        slider.max = Math.max(0, series.length - 1);
        slider.value = index;
        slider.setAttribute("aria-valuetext", row
            ? [`epoch ${epochName(row)} of ${series.length}`, ...warningsOf(row)].join(", ") : "none");
        byId("follow").setAttribute("aria-pressed", following);
    }

    #mark(series) {
        const n = Math.max(1, series.length - 1);
        byId("marks").replaceChildren(...series.flatMap((row, i) => (row.complete === false || row.lost > 0
            ? [svg("rect", { x: (1000 * i / n - 1.5).toFixed(1), y: 0, width: 3, height: 4 })] : [])));
    }

    /* What is shown now. */
    shown(series, index, epoch) {
        const row = series[index], newer = series.length - 1 - index;
        this.index = index;
        if (document.activeElement !== byId("jump"))
            byId("jump").value = row ? epochName(row) : "";
        setText(byId("of"), `${index + 1} of ${series.length}`);
        setText(byId("newer"), newer > 0 && byId("follow").getAttribute("aria-pressed") !== "true"
            ? ` +${newer}` : "");
        this.#summarise(row, epoch);
    }

    #summarise(row, epoch) {
        const warnings = warningsOf(row);
        const facts = [
            row.complete === true ? "complete" : null,
            count(epoch.total, "sample"),
            row.components === null ? null : count(row.components, "component"),
            time(row.time_ns),
            row.latency_ns === null ? null : `${duration(row.latency_ns)} from last marker to last picture`,
            bytes(row.bytes),
        ].filter(Boolean).join(" · ");
        const sheets = epoch.sheets.map((sheet) => el("a", {
            href: pictureUrl(sheet.picture, sheet.stamp), target: "_blank", rel: "noopener" },
            epoch.sheets.length > 1 ? `sheet ${sheet.page + 1}` : "sheet"));
        byId("summary").replaceChildren(
            el("strong", null, `Epoch ${epochName(row)}`),
            ...warnings.map((text) => el("span", { class: "warning" }, text)), el("span", null, facts), ...sheets);
    }
}
