// Search where the site is opened as files, without a server: browsers start no Worker from file:, so a hidden frame takes
// its place. It knows what the search asks of a Worker (messages both ways) and nothing else; elsewhere it does nothing.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      const script = document.createElement("script");
      script.src = String(url);
      this.frame.srcdoc = `<script>postMessage = data => parent.postMessage({ search: data }, "*")<\/script>${script.outerHTML}`;
      this.loaded = new Promise(done => this.frame.addEventListener("load", done, { once: true }));
      addEventListener("message", event => {
        if (event.source === this.frame.contentWindow)
          this.dispatchEvent(new MessageEvent("message", { data: event.data.search }));
      });
      document.documentElement.append(this.frame);
    }
    postMessage(data) {
      // The worker's own postMessage was replaced in the frame, so the message is handed over as an event.
      this.loaded.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
