/* What is looked at, and the link that says so. Everything that is not as by
 * default stands in the address behind the #, under names that people can read. */

export const DEFAULTS = Object.freeze({
    run: null, output: null, mode: null, /* null: the newest */
    ds: null, /* null: all; "" is a data set's name */
    epoch: null, /* "12" or "12.2"; null: follow the newest */
    draw: "stage", colormap: null, blend: null, /* null: as the stage did */
    opacity: 100, threshold: 0,
    compare: "none", look: "side",
    with: "first", /* the other epoch */
    withrun: null, withoutput: null, withmode: null,
    a: 0, b: 1, /* the two components */
    label: null, pred: null, right: "all",
    size: 150,
    sample: null, column: null, /* seen large: the sample's number, and the column's key */
});

const CHOICES = {
    draw: ["stage", "page"],
    colormap: ["jet", "turbo", "viridis", "inferno", "gray", "signed"],
    blend: ["add", "mix", "glow"],
    compare: ["none", "epoch", "run", "component"],
    look: ["side", "difference"],
    right: ["all", "right", "wrong"],
};

const NUMBERS = {
    opacity: [0, 100], threshold: [0, 100], size: [64, 400],
    a: [0, 1023], b: [0, 1023], sample: [0, 2 ** 32],
};

/* A value from a link; undefined where it makes no sense. */
function accepted(key, text) {
    if (CHOICES[key])
        return CHOICES[key].includes(text) ? text : undefined;
    if (NUMBERS[key]) {
        const [least, most] = NUMBERS[key], value = Number(text);
        return /^\d{1,10}$/.test(text) && value >= least && value <= most ? value : undefined;
    }
    if (key === "column")
        return /^(image|(now|other)\d{1,4}|diff\d{1,4}-\d{1,4})$/.test(text) ? text : undefined;
    if (key === "epoch" || key === "with")
        return /^(\d{1,16}(\.\d{1,10})?|first|before)$/.test(text) ? text : undefined;
    return text;
}

export function parse(hash) {
    const state = { ...DEFAULTS };
    for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
        const value = key in DEFAULTS ? accepted(key, text) : undefined;
        if (value !== undefined)
            state[key] = value;
    }
    return state;
}

export function format(state) {
    const parameters = new URLSearchParams();
    for (const [key, value] of Object.entries(DEFAULTS))
        if (state[key] !== value && state[key] !== null)
            parameters.set(key, state[key]);
    return `#${parameters}`;
}
