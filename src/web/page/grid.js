/* Samples by columns. Elements are kept from one epoch to the next and only
 * change what they show, all at once when everything that can be seen is here,
 * so that a step of the slider does not flicker. */
import { Chart } from "./chart.js";
import { el, setText } from "./dom.js";
import { dataSet, percent } from "./format.js";
import { needsOf, paint } from "./pictures.js";
import { isRight } from "./plan.js";

export const SEEN_AT_FIRST = 8; /* rows taken for visible until the browser says */
const PATIENCE_MS = 400; /* before what is late comes one by one */
const KEPT_ROWS = 60; /* with more, those out of sight give their pixels back */
const MOST_SIDE = 400; /* drawn pictures in the grid are no larger */

const VERDICTS = new Map([[true, ["✓", "right", "right"]], [false, ["✗", "wrong", "wrong"]],
                          [null, ["", "", ""]]]);

function makeHead() {
    const parts = {
        number: el("span", { class: "number" }), verdict: el("span", { class: "verdict" }),
        label: el("span", { class: "label" }), pred: el("span", { class: "pred" }),
        place: el("span", { class: "place" }),
    };
    const names = el("span", { class: "names" }, parts.label, parts.pred, parts.verdict);
    return { ...parts, node: el("th", { scope: "row", role: "rowheader" }, parts.number, names, parts.place) };
}

function fillHead(head, sample) {
    const [sign, kind, words] = VERDICTS.get(isRight(sample));
    setText(head.number, `#${sample.number}`);
    setText(head.label, sample.label ?? "");
    setText(head.pred, sample.pred === null || sample.pred === sample.label ? "" : `→ ${sample.pred}`);
    setText(head.verdict, sign);
    head.verdict.className = `verdict ${kind}`;
    head.verdict.title = words;
    head.label.title = sample.label === null ? "" : `label: ${sample.label}`;
    head.pred.title = sample.pred === null ? "" : `prediction: ${sample.pred}`;
    setText(head.place, [sample.ds_id && dataSet(sample.ds_id), sample.rank > 0 && `rank ${sample.rank}`]
        .filter(Boolean).join(" · "));
    head.place.title = `step ${sample.step}, index ${sample.index}, rank ${sample.rank}`;
}

function describe(row, column, state) {
    const { number, label, pred } = row.now, part = column.part(row);
    return [`${column.title}${column.note ? ` (${column.note})` : ""} of sample ${number}`,
            label !== null && `label ${label}`, pred !== null && `predicted ${pred}`,
            part && `explains ${percent(part.explained)}`,
            state.compare !== "none" && state.look === "difference" && column.difference && "difference"]
        .filter(Boolean).join(", ");
}

function release(cell) {
    cell.canvas.width = cell.canvas.height = 1;
    cell.drawn = null;
}

export class Grid {
    constructor(table, media, { onOpen, onPick }) {
        Object.assign(this, { media, onOpen, onPick, rows: [], columnKey: null, heads: [] });
        this.headRow = el("tr", { role: "row" });
        this.body = el("tbody", { role: "rowgroup" });
        table.replaceChildren(el("thead", { role: "rowgroup" }, this.headRow), this.body);
        this.table = table;
        this.observer = new IntersectionObserver((entries) => this.#seen(entries),
                                                 { rootMargin: "300px 0px" });
        this.byNode = new WeakMap();
    }

    /* view: {rows, columns, state, style, series, index, otherExplained, committed()}.
     * Resolves once what can be seen is drawn. */
    async show(view) {
        const fresh = this.#build(view);
        const needs = view.rows.flatMap((row, i) => (this.rows[i].visible ? view.columns : [])
            .flatMap((column) => needsOf(column.subject(row, view.state))));
        const pending = this.media.all(needs);
        if (pending && !fresh)
            await Promise.race([pending, new Promise((done) => setTimeout(done, PATIENCE_MS))]);
        this.#commit(view);
        if (pending) {
            await pending;
            this.#paintVisible();
        }
    }

    /* Whether rows or columns are others than before. */
    #build(view) {
        const key = view.columns.map((column) => column.key + column.note).join(" ");
        const fresh = key !== this.columnKey || this.rows.length === 0;
        if (key !== this.columnKey) {
            this.#buildHeads(view.columns);
            this.#drop(0);
            this.columnKey = key;
        }
        this.#drop(view.rows.length);
        while (this.rows.length < view.rows.length)
            this.#addRow(view);
        return fresh;
    }

    #buildHeads(columns) {
        this.table.style.setProperty("--columns", columns.length);
        this.heads = columns.map((column) => {
            const head = {
                title: el("span", { class: "title" }, column.title),
                note: el("span", { class: "note", title: column.note }, column.note), share: el("span", { class: "share" }),
                chart: column.chart ? new Chart((index) => this.onPick(index)) : null,
            };
            const top = el("div", { class: "column-top" }, head.title, head.note, head.share);
            head.node = el("th", { scope: "col", role: "columnheader", class: column.first ? "first" : null },
                           top, head.chart?.node);
            return head;
        });
        this.headRow.replaceChildren(el("th", { scope: "col", role: "columnheader" }, "Sample"),
                                     ...this.heads.map((head) => head.node));
    }

    #drop(length) {
        for (const row of this.rows.splice(length)) {
            this.observer.unobserve(row.node);
            row.node.remove();
        }
    }

    #addRow(view) {
        const index = this.rows.length, head = makeHead();
        const cells = view.columns.map((column, c) => this.#makeCell(column, index, c));
        const row = { head, cells, visible: index < SEEN_AT_FIRST };
        row.node = el("tr", { role: "row" }, head.node, cells.map((cell) => cell.node));
        this.byNode.set(row.node, row);
        this.rows.push(row);
        this.body.append(row.node);
        this.observer.observe(row.node);
    }

    #makeCell(column, index, c) {
        const canvas = el("canvas", { width: 1, height: 1 }), caption = el("span", { class: "caption" });
        const button = el("button", { type: "button", class: "picture", "data-row": index, "data-column": c,
            onclick: () => this.onOpen(this.view.rows[index].now, column) }, canvas);
        const node = el("td", { role: "cell", class: column.first ? "first" : null }, button, caption);
        return { node, button, canvas, caption, drawn: null };
    }

    #seen(entries) {
        for (const entry of entries) {
            const row = this.byNode.get(entry.target);
            row.visible = entry.isIntersecting;
            if (row.visible && this.view)
                this.#paintRow(row);
            else if (this.rows.length > KEPT_ROWS)
                row.cells.forEach(release);
        }
    }

    #commit(view) {
        this.view = view;
        view.committed();
        view.columns.forEach((column, i) => this.#fillColumn(this.heads[i], column, view));
        this.rows.forEach((row, i) => {
            row.data = view.rows[i];
            fillHead(row.head, row.data.now);
            view.columns.forEach((column, c) => this.#fillCell(row.cells[c], row.data, column, view.state));
        });
        this.#paintVisible();
    }

    #fillColumn(head, column, view) {
        if (column.component === undefined)
            return;
        const means = column.side === "now" ? view.series[view.index]?.explained : view.otherExplained;
        setText(head.share, percent(means?.[column.component]));
        head.share.title = "share of the variance, mean over the samples";
        head.chart?.update(view.series, column.component, view.index);
    }

    #fillCell(cell, row, column, state) {
        const part = column.part(row);
        setText(cell.caption, part ? percent(part.explained) : "");
        cell.caption.dataset.column = column.note ? `${column.title}, ${column.note}` : column.title;
        cell.button.setAttribute("aria-label", describe(row, column, state));
        cell.subject = column.subject(row, state);
        cell.button.classList.toggle("absent", !cell.subject);
        const ratio = row.now.width ? `${row.now.width} / ${row.now.height}` : "1";
        if (cell.ratio !== ratio)
            cell.canvas.style.aspectRatio = cell.ratio = ratio;
    }

    #paintVisible() {
        for (const row of this.rows)
            if (row.visible)
                this.#paintRow(row);
    }

    #paintRow(row) {
        for (const cell of row.cells)
            this.#paintCell(cell);
    }

    #paintCell(cell) {
        const subject = cell.subject, view = this.view;
        const key = JSON.stringify([subject, subject?.kind === "picture" ? null : view.style]);
        if (cell.drawn === key || !subject)
            return;
        if (paint(subject, this.media, view.style, cell.canvas, MOST_SIDE)) {
            cell.drawn = key;
            const wide = cell.canvas.width * 1.5 < view.state.size;
            cell.canvas.classList.toggle("coarse", wide);
            return;
        }
        const pending = this.media.all(needsOf(subject));
        pending?.then((results) => {
            const failed = results.some((result) => result.status === "rejected");
            cell.button.classList.toggle("absent", failed && cell.subject === subject);
            if (!failed && cell.subject === subject && cell.drawn !== key)
                this.#paintCell(cell);
        });
    }

    visibleCount() {
        return this.rows.filter((row) => row.visible).length;
    }

    /* The button `step` rows from this one, in the same column. */
    neighbour(button, step) {
        const row = this.rows[Number(button.dataset.row) + step];
        return row?.cells[Number(button.dataset.column)]?.button;
    }
}
