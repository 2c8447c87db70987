/* What a cell shows, what it needs for that, and how it is drawn. A subject is
 *
 *   {kind: "picture", of: [id, stamp]}       as the stage made it
 *   {kind: "heat", image, map}               drawn here
 *   {kind: "difference", image, a, b}        of two maps
 *
 * with image: [id, stamp] or null, and a map: {of: [id, stamp], lo, hi, divisor,
 * width, height}; null where there is nothing to show. */
import { levelsOf, paintDifference, paintHeat } from "./heat.js";

const BLANK_SIDE = 128; /* of heat without an image */

const imageOf = (sample) => (sample.image === null ? null : [sample.image, sample.image_stamp]);

function mapOf(part) {
    if (!part || part.map === null)
        return null;
    return { of: [part.map, part.map_stamp], lo: part.lo, hi: part.hi, divisor: part.divisor,
             width: part.width, height: part.height };
}

export function partOf(sample, component) {
    return sample?.components.find((part) => part.component === component);
}

export function imageSubject(sample) {
    const of = sample && imageOf(sample);
    return of ? { kind: "picture", of } : null;
}

/* A component; drawn here where that is asked for, or the stage did not. */
export function componentSubject(sample, component, draw) {
    const part = partOf(sample, component), map = mapOf(part);
    if (!part)
        return null;
    if (part.overlay !== null && (draw === "stage" || !map))
        return { kind: "picture", of: [part.overlay, part.overlay_stamp] };
    return map && { kind: "heat", image: imageOf(sample), map };
}

export function differenceSubject(one, a, other, b) {
    const first = mapOf(partOf(one, a)), second = mapOf(partOf(other, b));
    if (!first || !second)
        return null;
    return { kind: "difference", image: imageOf(one), a: first, b: second };
}

export function needsOf(subject) {
    if (!subject)
        return [];
    if (subject.kind === "picture")
        return [["picture", ...subject.of]];
    const needs = subject.image ? [["picture", ...subject.image]] : [];
    for (const map of [subject.map, subject.a, subject.b])
        if (map)
            needs.push(["map", ...map.of]);
    return needs;
}

function sizeWithout(map) {
    const scale = BLANK_SIDE / Math.max(map.width, map.height);
    return [Math.max(1, Math.round(map.width * scale)), Math.max(1, Math.round(map.height * scale))];
}

/* The image's pixels, at most `most` on the longer side. */
function basePixels(bitmap, map, most, canvas, context) {
    let [width, height] = bitmap ? [bitmap.width, bitmap.height] : sizeWithout(map);
    const scale = Math.min(1, most / Math.max(width, height));
    width = Math.max(1, Math.round(width * scale));
    height = Math.max(1, Math.round(height * scale));
    canvas.width = width;
    canvas.height = height;
    context.fillRect(0, 0, width, height);
    if (bitmap)
        context.drawImage(bitmap, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
}

function paintOver(subject, media, style, pixels) {
    const at = (map) => media.peek(["map", ...map.of]);
    const levels = (map, signed) =>
        levelsOf(at(map), map.lo, map.hi, pixels.width, pixels.height, signed);
    if (subject.kind === "heat") {
        const signed = style.colormap === "signed";
        paintHeat(pixels.data, levels(subject.map, signed),
                  { ...style, divisor: subject.map.divisor });
    } else {
        paintDifference(pixels.data, levels(subject.a, false), levels(subject.b, false), style);
    }
}

/* Draws what is here; false where something is missing. most: the longest side
 * to draw at (twice that for what needs no drawing), as nobody sees more of a
 * small cell. */
export function paint(subject, media, style, canvas, most = Infinity) {
    if (!subject || needsOf(subject).some((need) => media.peek(need) === undefined))
        return false;
    const painting = subject.kind !== "picture";
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (painting) {
        const bitmap = subject.image && media.peek(["picture", ...subject.image]);
        const pixels = basePixels(bitmap, subject.map ?? subject.a, most, canvas, context);
        paintOver(subject, media, style, pixels);
        context.putImageData(pixels, 0, 0);
    } else {
        const bitmap = media.peek(["picture", ...subject.of]), longer = Math.max(bitmap.width, bitmap.height);
        const scale = longer > 2 * most ? 2 * most / longer : 1;
        canvas.width = Math.max(1, Math.round(bitmap.width * scale));
        canvas.height = Math.max(1, Math.round(bitmap.height * scale));
        context.imageSmoothingQuality = "high";
        context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    }
    return true;
}
