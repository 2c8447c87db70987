/* Light, dark, or as the system has it; remembered in this browser. */
import { byId, setText } from "./dom.js";

const NAMES = ["auto", "light", "dark"];

function remembered() {
    try {
        return localStorage.getItem("theme");
    } catch {
        return null; /* storage may be forbidden; then it is not remembered */
    }
}

function apply(theme) {
    if (theme === "auto")
        delete document.documentElement.dataset.theme;
    else
        document.documentElement.dataset.theme = theme;
    setText(byId("theme"), { auto: "◐", light: "☀", dark: "☾" }[theme]);
    byId("theme").setAttribute("aria-label", `Theme: ${theme}`);
    byId("theme").title = `Theme: ${theme} (t)`;
}

export function nextTheme() {
    const now = document.documentElement.dataset.theme ?? "auto";
    const theme = NAMES[(NAMES.indexOf(now) + 1) % NAMES.length];
    apply(theme);
    try {
        localStorage.setItem("theme", theme);
    } catch {
        /* as above */
    }
}

export function startTheme() {
    const theme = remembered();
    apply(NAMES.includes(theme) ? theme : "auto");
    byId("theme").addEventListener("click", nextTheme);
}
