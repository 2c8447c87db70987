/* Decoded pictures and maps, the ones used last within a budget of memory. */
import { decodeGrey } from "./png16.js";

const BUDGET = 192e6;

export const pictureUrl = (id, stamp) => `/pictures/${id}?s=${encodeURIComponent(stamp ?? "")}`;
export const downloadUrl = (id) => `/pictures/${id}?download`;
export const npyUrl = (id, stamp) => `/maps/${id}.npy?s=${encodeURIComponent(stamp ?? "")}`;

async function load(kind, id, stamp) {
    const answer = await fetch(pictureUrl(id, stamp));
    if (!answer.ok)
        throw new Error(`picture ${id}: the gallery answered ${answer.status}`);
    if (kind === "map")
        return decodeGrey(await answer.arrayBuffer());
    return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
}

/* What the levels that are drawn from a map will take, too. */
function sizeOf(kind, value) {
    return kind === "map" ? 6 * value.width * value.height + 60000 : 4 * value.width * value.height;
}

export class Media {
    #entries = new Map();
    #size = 0;

    /* need: [kind, id, stamp], kind "picture" or "map". The value, if it is here. */
    peek(need) {
        return this.#entries.get(need.join("/"))?.value;
    }

    get(need) {
        const key = need.join("/"), known = this.#entries.get(key);
        if (known) {
            this.#entries.delete(key);
            this.#entries.set(key, known);
            return known.promise;
        }
        const entry = { size: 0, value: undefined };
        entry.promise = load(...need).then((value) => {
            entry.value = value;
            entry.size = sizeOf(need[0], value);
            this.#size += entry.size;
            this.#shrink(entry);
            return value;
        });
        entry.promise.catch(() => this.#entries.get(key) === entry && this.#entries.delete(key));
        this.#entries.set(key, entry);
        return entry.promise;
    }

    /* Once all are here; what can't be had is left out, and shown as missing. */
    all(needs) {
        const missing = needs.filter((need) => this.peek(need) === undefined);
        return missing.length ? Promise.allSettled(missing.map((need) => this.get(need))) : null;
    }

    #shrink(newest) {
        for (const [key, entry] of this.#entries) {
            if (this.#size <= BUDGET)
                return;
            if (entry === newest || entry.value === undefined)
                continue;
            this.#entries.delete(key);
            this.#size -= entry.size;
            entry.value.close?.();
        }
    }
}
