/* Elements by hand. Text from the network goes through text nodes and
 * attributes only, so no name is ever read as HTML. */

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (name.startsWith("on"))
            node.addEventListener(name.slice(2), value);
        else if (value !== null && value !== undefined && value !== false)
            node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
}

export function el(tag, attributes, ...children) {
    return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

export function byId(id) {
    return document.getElementById(id);
}

export function setText(node, text) {
    if (node.textContent !== text)
        node.textContent = text;
}

/* The options of a <select> as [value, text] pairs; the chosen one stays where
 * it is still there. */
export function setOptions(select, options, chosen) {
    const key = JSON.stringify(options);
    if (select.dataset.options !== key) {
        select.dataset.options = key;
        select.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
    }
    select.value = chosen;
}

/* Calls at once, and then at most once in `ms`, always with the last word. */
export function throttled(call, ms) {
    let timer = 0, again = false;
    const tick = () => {
        timer = 0;
        if (again)
            run();
    };
    const run = () => {
        again = false;
        timer = setTimeout(tick, ms);
        call();
    };
    return () => {
        if (timer)
            again = true;
        else
            run();
    };
}
