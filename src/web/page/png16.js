/* Grey PNGs with all their 16 bits: a canvas would keep eight of them. */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const MOST_VALUES = 1 << 24;

function checked(condition, what) {
    if (!condition)
        throw new Error(`map: ${what}`);
}

/* The header and the joined IDAT chunks. */
function chunks(buffer) {
    const view = new DataView(buffer), data = [];
    let header = null;
    checked(SIGNATURE.every((byte, i) => i < view.byteLength && view.getUint8(i) === byte),
            "is no PNG");
    for (let at = 8; at + 12 <= view.byteLength;) {
        const size = view.getUint32(at), type = view.getUint32(at + 4);
        checked(at + 12 + size <= view.byteLength, "a chunk is cut");
        if (type === 0x49484452) {
            checked(size === 13, "IHDR has another size");
            header = new DataView(buffer, at + 8, size);
        } else if (type === 0x49444154) {
            data.push(new Uint8Array(buffer, at + 8, size));
        }
        at += 12 + size;
    }
    checked(header, "has no IHDR");
    return { header, data };
}

async function inflate(parts) {
    const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

function paeth(a, b, c) {
    const pa = Math.abs(b - c), pb = Math.abs(a - c), pc = Math.abs(a + b - 2 * c);
    if (pa <= pb && pa <= pc)
        return a;
    return pb <= pc ? b : c;
}

/* One row in place: its filter byte at `at`, the row above `stride + 1` before. */
function unfilter(bytes, at, stride, step, first) {
    const filter = bytes[at], up = at - stride - 1;
    checked(filter <= 4, "a row has an unknown filter");
    for (let i = 1; i <= stride; i++) {
        const a = i > step ? bytes[at + i - step] : 0, b = first ? 0 : bytes[up + i];
        const c = i > step && !first ? bytes[up + i - step] : 0;
        let add = 0;
        if (filter === 1)
            add = a;
        else if (filter === 2)
            add = b;
        else if (filter === 3)
            add = (a + b) >> 1;
        else if (filter === 4)
            add = paeth(a, b, c);
        bytes[at + i] += add;
    }
}

/* {width, height, values: Uint16Array}; 8-bit values are widened. */
export async function decodeGrey(buffer) {
    const { header, data } = chunks(buffer);
    const width = header.getUint32(0), height = header.getUint32(4);
    const depth = header.getUint8(8);
    checked(depth === 16 || depth === 8, "has neither 8 nor 16 bits");
    checked(header.getUint8(9) === 0 && header.getUint8(12) === 0, "is not plain grey");
    checked(width > 0 && height > 0 && width * height <= MOST_VALUES, "has an impossible size");
    const step = depth / 8, stride = width * step;
    const bytes = await inflate(data);
    checked(bytes.length === height * (stride + 1), "has more or fewer bytes than its size says");

    const values = new Uint16Array(width * height);
    for (let y = 0; y < height; y++) {
        const at = y * (stride + 1);
        unfilter(bytes, at, stride, step, y === 0);
        for (let x = 0; x < width; x++) {
            const i = at + 1 + x * step;
            values[y * width + x] = step === 2 ? bytes[i] << 8 | bytes[i + 1] : bytes[i] * 257;
        }
    }
    return { width, height, values };
}
