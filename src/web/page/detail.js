/* One picture, large, with all that is known of it. */
import { byId, el, setText } from "./dom.js";
import { dataSet, epochName, number, percent, time } from "./format.js";
import { projection } from "./heat.js";
import { downloadUrl, npyUrl } from "./media.js";
import { needsOf, paint } from "./pictures.js";
import { isRight } from "./plan.js";

function fact(name, value) {
    return value === null || value === undefined || value === "" ? [] : [el("dt", null, name), el("dd", null, value)];
}

export class Detail {
    /* actions: {close(), choose(column), step(by)} */
    constructor(media, actions) {
        Object.assign(this, { media, actions, dialog: byId("detail"), canvas: byId("detail-canvas") });
        byId("detail-close").addEventListener("click", () => this.dialog.close());
        byId("detail-previous").addEventListener("click", () => actions.step(-1));
        byId("detail-next").addEventListener("click", () => actions.step(1));
        this.dialog.addEventListener("close", () => actions.close());
        this.dialog.addEventListener("click", (event) => {
            if (event.target === this.dialog) /* beside it */
                this.dialog.close();
        });
        this.canvas.addEventListener("pointermove", (event) => this.#tellValue(event));
        this.canvas.addEventListener("pointerleave", () => this.#tellSize());
    }

    get isOpen() {
        return this.dialog.open;
    }

    /* view as of the grid, and {epoch, place}; null closes. */
    async show(view) {
        const sample = view?.epoch.samples_list.find((one) => one.number === view.state.sample);
        const column = view?.columns.find((one) => one.key === view.state.column) ?? view?.columns.at(-1);
        if (!sample || !column) {
            if (this.dialog.open)
                this.dialog.close();
            return;
        }
        const row = view.allRows.find((one) => one.now === sample) ?? { now: sample };
        Object.assign(this, { view, row, column, part: column.part(row), subject: column.subject(row, view.state) });
        this.#describe();
        if (!this.dialog.open)
            this.dialog.showModal();
        await this.#draw();
    }

    async #draw() {
        const { subject, part } = this, needs = needsOf(subject);
        if (part && part.map !== null)
            needs.push(["map", part.map, part.map_stamp]); /* for the value under the pointer */
        await this.media.all(needs);
        if (subject !== this.subject)
            return;
        const drawn = paint(subject, this.media, this.view.style, this.canvas);
        this.canvas.hidden = !drawn;
        if (drawn)
            this.#fit();
        this.#tellSize();
    }

    /* As large as there is room, and pixels as pixels when they are few. */
    #fit() {
        const { width, height } = this.canvas;
        this.canvas.style.aspectRatio = `${width} / ${height}`;
        this.canvas.style.setProperty("--ratio", width / height);
        this.canvas.classList.toggle("coarse", width < 128);
    }

    #describe() {
        const { column, row, view } = this, sample = row.now;
        setText(byId("detail-title"), `Epoch ${epochName(view.epoch)} · sample ${sample.number}`);
        const buttons = view.columns.map((one) => el("button", {
            type: "button", "aria-pressed": String(one.key === column.key), "data-column": one.key,
            onclick: () => this.actions.choose(one.key),
        }, one.note ? `${one.title} (${one.note})` : one.title));
        const focused = document.activeElement?.closest("#detail-columns") !== null;
        byId("detail-columns").replaceChildren(...buttons);
        if (focused)
            buttons.find((button) => button.dataset.column === column.key)?.focus();
        this.canvas.setAttribute("aria-label", `${column.title} of sample ${sample.number}`);
        byId("detail-facts").replaceChildren(...this.#sampleFacts(sample), ...this.#partFacts(), ...this.#epochFacts());
        byId("detail-links").replaceChildren(...this.#links(sample));
    }

    #sampleFacts(sample) {
        const right = isRight(sample);
        return [
            ...fact("label", sample.label), ...fact("prediction", sample.pred),
            ...fact("verdict", right === null ? null : right ? "right" : "wrong"),
            ...fact("data set", sample.ds_id === "" ? null : dataSet(sample.ds_id)),
            ...fact("rank", String(sample.rank)),
            ...fact("step, index", `${sample.step}, ${sample.index}`),
            ...fact("image", sample.width ? `${sample.width} × ${sample.height}` : null),
        ];
    }

    #partFacts() {
        const part = this.part;
        if (!part)
            return [];
        return [
            ...fact("component", `${part.component + 1} of ${this.view.epoch.components ?? "–"}`),
            ...fact("explained variance", percent(part.explained)),
            ...fact("singular value", number(part.singular)),
            ...fact("projection", part.lo === null ? null : `${number(part.lo)} to ${number(part.hi)}`),
            ...fact("divided by", number(part.divisor)),
            ...fact("map", part.width ? `${part.width} × ${part.height}` : null),
        ];
    }

    #epochFacts() {
        const { epoch, place } = this.view;
        return [
            ...fact("run", place.name), ...fact("output, mode", `${place.output}, ${place.mode}`),
            ...fact("attempt", epoch.attempt > 1 ? String(epoch.attempt) : null),
            ...fact("published", time(epoch.time_ns)),
        ];
    }

    #links(sample) {
        const part = this.part, link = (href, text) => el("a", { href, download: "" }, text);
        return [
            part && part.overlay !== null ? link(downloadUrl(part.overlay), "overlay (PNG)") : null,
            part && part.map !== null ? link(npyUrl(part.map, part.map_stamp), "map (.npy)") : null,
            part && part.map !== null ? link(downloadUrl(part.map), "map (16-bit PNG)") : null,
            sample.image !== null ? link(downloadUrl(sample.image), "image (PNG)") : null,
            el("button", { type: "button", class: "link", onclick: () => this.#saveDrawn() }, "as shown here (PNG)"),
        ].filter(Boolean);
    }

    #saveDrawn() {
        const { view, row, column } = this;
        const name = [view.place.name, view.place.output, view.place.mode, `epoch-${epochName(view.epoch)}`,
                      `sample-${row.now.number}`, column.key].join("_").replace(/[^\p{L}\p{N}._-]+/gu, "-");
        this.canvas.toBlob((blob) => {
            const url = URL.createObjectURL(blob), link = el("a", { href: url, download: `${name}.png` });
            link.click();
            setTimeout(() => URL.revokeObjectURL(url), 10000);
        });
    }

    #tellSize() {
        const absent = this.canvas.hidden ? "This picture was not published." : "";
        setText(byId("detail-value"), absent || `${this.canvas.width} × ${this.canvas.height} pixels`);
    }

    #tellValue(event) {
        const part = this.part;
        const map = part && part.map !== null && this.media.peek(["map", part.map, part.map_stamp]);
        if (!map)
            return;
        const box = this.canvas.getBoundingClientRect();
        const at = (place, size, n) => Math.min(Math.max(Math.floor(place / size * n), 0), n - 1);
        const x = at(event.clientX - box.left, box.width, map.width);
        const y = at(event.clientY - box.top, box.height, map.height);
        const value = projection({ values: [map.values[y * map.width + x]] }, part.lo, part.hi)[0];
        setText(byId("detail-value"), `projection ${number(value)} at column ${x}, row ${y} of the map`);
    }
}
