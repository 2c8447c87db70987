/* The server's answers, and a memory of epochs: a step back shall cost nothing. */

const REMEMBERED = 600;
const PART = 500; /* samples asked for at once beyond the first ones */
export const FIRST_SAMPLES = 100;

async function get(path) {
    const answer = await fetch(path, { headers: { Accept: "application/json" } });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) {
        const error = new Error(body.error ?? `the gallery answered ${answer.status}`);
        error.status = answer.status;
        error.waiting = body.waiting === true;
        throw error;
    }
    return body;
}

export const getStore = () => get("/api/store");
export const getErrors = () => get("/api/errors");
export const getStats = () => get("/api/stats");

export async function getSeries(place) {
    const query = new URLSearchParams({ run: place.run, output: place.output, mode: place.mode });
    return (await get(`/api/epochs?${query}`)).epochs;
}

/* Epochs with their samples, by id. */
export class Epochs {
    #byId = new Map(); /* oldest use first; {promise, value} */

    peek(id) {
        return this.#byId.get(id)?.value;
    }

    get(id) {
        const known = this.#byId.get(id);
        if (known) {
            this.#byId.delete(id);
            this.#byId.set(id, known);
            return known.promise;
        }
        const entry = { value: undefined };
        entry.promise = get(`/api/epochs/${id}?count=${FIRST_SAMPLES}`).then((epoch) => {
            entry.value = epoch;
            return epoch;
        });
        entry.promise.catch(() => this.#byId.get(id) === entry && this.#byId.delete(id));
        this.#byId.set(id, entry);
        if (this.#byId.size > REMEMBERED)
            this.#byId.delete(this.#byId.keys().next().value);
        return entry.promise;
    }

    /* All samples, also of an epoch with thousands. */
    async whole(id) {
        const epoch = await this.get(id);
        while (epoch.samples_list.length < epoch.total) {
            const from = epoch.samples_list.length;
            const part = await get(`/api/epochs/${id}?from=${from}&count=${PART}`);
            if (part.samples_list.length === 0)
                break;
            if (epoch.samples_list.length === from)
                epoch.samples_list.push(...part.samples_list);
        }
        return epoch;
    }

    forget(id) {
        this.#byId.delete(id);
    }

    forgetAll() {
        this.#byId.clear();
    }
}
