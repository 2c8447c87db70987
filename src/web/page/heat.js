/* Maps to heat, by the rules of the stage (tests/golden/README.md, 1.4 to
 * 1.6), for 8-bit images. What the stage drew and what is drawn here agree. */
import { TABLES } from "./colormaps.js";

/* Blue, white, red: for values with a sign. */
function signedTable() {
    const table = new Uint8Array(768);
    for (let level = 0; level < 256; level++) {
        const share = Math.max(-1, (level - 128) / 127), fade = 1 - Math.abs(share);
        const end = share < 0 ? [33, 102, 200] : [200, 40, 40];
        for (let c = 0; c < 3; c++)
            table[3 * level + c] = Math.round(255 * fade + end[c] * (1 - fade));
    }
    return table;
}

function fromHex(text) {
    return Uint8Array.from({ length: 768 }, (_, i) => parseInt(text.substr(2 * i, 2), 16));
}

const tables = { signed: signedTable() };
for (const [name, text] of Object.entries(TABLES))
    tables[name] = fromHex(text);

const HOTTER = [255, 84, 60], COLDER = [64, 150, 255]; /* in differences */

export const COLORMAPS = [...Object.keys(TABLES), "signed"];

/* Which source pixels a target pixel lies between, as OpenCV's INTER_LINEAR. */
function taps(n, m) {
    const near = new Int32Array(m), far = new Int32Array(m), weight = new Float32Array(m);
    for (let d = 0; d < m; d++) {
        const pos = Math.fround((d + 0.5) * (n / m) - 0.5), i = Math.floor(pos);
        near[d] = Math.min(Math.max(i, 0), n - 1);
        far[d] = Math.min(Math.max(i + 1, 0), n - 1);
        weight[d] = pos - i;
    }
    return { near, far, weight };
}

function resize(source, w, h, W, H) {
    const x = taps(w, W), y = taps(h, H);
    const stretched = new Float32Array(h * W), out = new Float32Array(H * W);
    for (let row = 0; row < h; row++)
        for (let d = 0; d < W; d++) {
            const a = source[row * w + x.near[d]], b = source[row * w + x.far[d]];
            stretched[row * W + d] = a + (b - a) * x.weight[d];
        }
    for (let d = 0; d < H; d++) {
        const a = y.near[d] * W, b = y.far[d] * W, f = y.weight[d];
        for (let i = 0; i < W; i++)
            out[d * W + i] = stretched[a + i] + (stretched[b + i] - stretched[a + i]) * f;
    }
    return out;
}

export function projection(map, lo, hi) {
    const range = (hi ?? 0) - (lo ?? 0);
    return Float32Array.from(map.values, (v) => (lo ?? 0) + range * v / 65535);
}

function span(values) {
    let least = Infinity, most = -Infinity;
    for (const value of values) {
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    return [least, most];
}

/* The positive part as levels 0..255. */
function positiveLevels(map, lo, hi, W, H) {
    const mask = projection(map, lo, hi).map((v) => (v > 0 ? v : 0));
    const wide = resize(mask, map.width, map.height, W, H);
    const [least, most] = span(wide), levels = new Uint8Array(W * H);
    if (most > least)
        for (let i = 0; i < levels.length; i++)
            levels[i] = 255 * ((wide[i] - least) / (most - least));
    return levels;
}

/* All of it: 128 is nothing, 1 and 255 as far from it as the map's peak. */
function signedLevels(map, lo, hi, W, H) {
    const wide = resize(projection(map, lo, hi), map.width, map.height, W, H);
    const [least, most] = span(wide), peak = Math.max(-least, most);
    const levels = new Uint8Array(W * H).fill(128);
    if (peak > 0)
        for (let i = 0; i < levels.length; i++)
            levels[i] = Math.round(128 + 127 * wide[i] / peak);
    return levels;
}

/* Kept with the map, since sliders ask for the same again and again. */
export function levelsOf(map, lo, hi, W, H, signed) {
    const key = `${W}x${H}${signed ? "s" : ""}`;
    map.levels ??= new Map();
    if (!map.levels.has(key)) {
        if (map.levels.size >= 4)
            map.levels.clear();
        map.levels.set(key, (signed ? signedLevels : positiveLevels)(map, lo, hi, W, H));
    }
    return map.levels.get(key);
}

/* What one channel becomes, by the image's byte and the heat's. */
const BLENDS = {
    add: (image, heat, style) => {
        const sum = Math.min((image + heat) / style.divisor, 255);
        return image + (sum - image) * style.opacity;
    },
    mix: (image, heat, style) => image + (heat - image) * style.opacity,
    glow: (image, heat, style, strength) => image + (heat - image) * style.opacity * strength,
};

/* rgba: the image's pixels, changed in place.
 * style: {colormap, blend, opacity 0..1, threshold 0..1, divisor}. */
export function paintHeat(rgba, levels, style) {
    const table = tables[style.colormap], blend = BLENDS[style.blend];
    const signed = style.colormap === "signed";
    const how = { ...style, divisor: style.divisor > 0 ? style.divisor : 1 };
    for (let i = 0; i < levels.length; i++) {
        const level = levels[i];
        const strength = signed ? Math.abs(level - 128) / 127 : level / 255;
        if (strength < style.threshold)
            continue;
        for (let c = 0; c < 3; c++)
            rgba[4 * i + c] = blend(rgba[4 * i + c], table[3 * level + c], how, strength);
    }
}

/* Where a is hotter than b: red, where b is: blue, over the image in dark grey,
 * so that nothing in it is taken for a colour. */
export function paintDifference(rgba, a, b, style) {
    for (let i = 0; i < a.length; i++) {
        const grey = 0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2];
        const step = (a[i] - b[i]) / 255, far = Math.abs(step), base = 14 + 0.42 * grey;
        const weight = far < style.threshold ? 0 : style.opacity * Math.min(1, 1.25 * far);
        const colour = step > 0 ? HOTTER : COLDER;
        for (let c = 0; c < 3; c++)
            rgba[4 * i + c] = base + (colour[c] - base) * weight;
    }
}

/* A strip of the colours, for legends: [css colour] from low to high. */
export function swatches(colormap, steps) {
    const table = tables[colormap];
    return Array.from({ length: steps }, (_, i) => {
        const level = Math.round(255 * i / (steps - 1));
        return `rgb(${table[3 * level]} ${table[3 * level + 1]} ${table[3 * level + 2]})`;
    });
}
