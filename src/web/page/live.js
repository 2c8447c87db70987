/* What the server tells by itself. */
import { byId, setText } from "./dom.js";

const LIVE = ["live", "live", "New epochs appear as the stage publishes them"];
const STORED = ["stored", "watching the store", "New epochs appear when a logger has stored them"];
const AWAY = ["away", "connecting again", "The gallery does not answer; what is here can still be looked at"];

function tell([kind, text, title]) {
    byId("live").dataset.kind = kind;
    byId("live").title = title;
    setText(byId("live-text"), text);
}

/* calls: {hello(hello), epoch(event), gone(), error(error)} */
export function startLive(calls) {
    let retry = 0;
    const connect = () => {
        const source = new EventSource("/events");
        const on = (name, call) => source.addEventListener(name, (event) => call(JSON.parse(event.data)));
        on("hello", (hello) => {
            tell(hello.live ? LIVE : STORED);
            calls.hello(hello);
        });
        on("epoch", calls.epoch);
        on("gone", calls.gone);
        source.addEventListener("error", (event) => {
            if (event.data) { /* a stage's; without data it is the connection's own */
                calls.error(JSON.parse(event.data));
                return;
            }
            tell(AWAY);
            if (source.readyState === EventSource.CLOSED) {
                clearTimeout(retry); /* refused: the browser does not try again */
                retry = setTimeout(connect, 3000);
            }
        });
    };
    connect();
}
