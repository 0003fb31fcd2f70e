// Says what is under the pointer, and lets the arrow keys walk through a drawing. The page is whole without it.
"use strict";
(() => {
  const number = (v, share) => {
    const n = share ? 100 * v : v;
    return String(Number(n.toPrecision(4))) + (share ? " %" : "");
  };

  const readoutOf = (svg) => svg.closest("figure")?.querySelector(".readout");

  // Line charts: a cursor at the nearest point, and every line's value there.
  const lines = (svg, say) => {
    const ticks = svg.dataset.ticks ? svg.dataset.ticks.split("\t") : null;
    const all = [...svg.querySelectorAll(".line[data-x]")].map((path) => ({
      name: path.dataset.name,
      share: "share" in path.dataset,
      x: path.dataset.x.split(" ").filter(Boolean).map(Number),
      y: path.dataset.y.split(" ").filter(Boolean).map(Number),
      px: path.getAttribute("d").split(/[ML]/).filter(Boolean).map((p) => Number(p.split(",")[0])),
    })).filter((line) => line.x.length);
    const places = [...new Map(all.flatMap((line) => line.x.map((x, n) => [x, line.px[n]])))].sort((a, b) => a[0] - b[0]);
    const cursor = svg.querySelector(".cursor");
    let at = -1;
    const show = (n) => {
      at = Math.max(0, Math.min(places.length - 1, n));
      const [x, px] = places[at];
      cursor.setAttribute("transform", `translate(${px} 0)`);
      cursor.classList.add("on");
      const values = all.map((line) => {
        let near = 0;
        line.x.forEach((v, k) => { if (Math.abs(v - x) < Math.abs(line.x[near] - x)) near = k; });
        // A line without a value nearby (validation is rare) gives its nearest one and says where.
        const where = line.x[near] === x ? "" : ` (at ${line.x[near]})`;
        return `${line.name} ${number(line.y[near], line.share)}${where}`;
      });
      say(`${svg.dataset.xName} ${ticks?.[x] ?? x}: ${values.join(", ")}`);
    };
    return {
      size: places.length,
      move: (x) => {
        let near = 0;
        places.forEach((p, n) => { if (Math.abs(p[1] - x) < Math.abs(places[near][1] - x)) near = n; });
        show(near);
      },
      key: (dx, dy) => show(at < 0 ? 0 : at + dx + dy),
      leave: () => cursor.classList.remove("on"),
    };
  };

  // Everything that has a title: points, bars, cells.
  const items = (svg, say) => {
    const all = [...svg.querySelectorAll(".item")];
    let on = null;
    // The same language, or whatever else has this name, is marked in the drawings beside it too.
    const mark = (item, lit) => {
      const key = item.dataset.key;
      const same = key ? document.querySelectorAll(`.item[data-key=${CSS.escape(key)}]`) : [item];
      same.forEach((other) => other.classList.toggle("on", lit));
    };
    const show = (item) => {
      if (on) mark(on, false);
      on = item;
      mark(on, true);
      say(on.querySelector("title").textContent);
    };
    return {
      size: all.length,
      move: (x, y, target) => { const item = target.closest?.(".item"); if (item) show(item); },
      key: (dx, dy) => {
        const n = on ? all.indexOf(on) + (dx || dy) : 0;
        show(all[Math.max(0, Math.min(all.length - 1, n))]);
      },
      leave: () => { if (on) mark(on, false); on = null; },
    };
  };

  // A matrix drawn as one picture.
  const matrix = (svg, say) => {
    const image = svg.querySelector("image");
    const [rows, columns] = [svg.dataset.rows.split("\t"), svg.dataset.columns.split("\t")];
    const bytes = Uint8Array.from(atob(image.dataset.values), (c) => c.charCodeAt(0));
    const values = new Float32Array(bytes.buffer);
    const box = ["x", "y", "width", "height"].map((name) => Number(image.getAttribute(name)));
    let at = [0, -1];
    const show = (i, j) => {
      if (i < 0 || j < 0 || i >= rows.length || j >= columns.length) return;
      at = [i, j];
      const value = values[i * columns.length + j];
      say(`${rows[i]}, ${columns[j]}: ${Number.isNaN(value) ? "no figure" : number(value, "share" in image.dataset)}`);
    };
    return {
      size: values.length,
      move: (x, y) => show(
        Math.floor((y - box[1]) / box[3] * rows.length), Math.floor((x - box[0]) / box[2] * columns.length)),
      key: (dx, dy) => show(at[0] + dy, at[1] + dx),
      leave: () => {},
    };
  };

  const KEYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const kinds = { lines, items, matrix };

  for (const svg of document.querySelectorAll("svg[data-plot]")) {
    const readout = readoutOf(svg);
    if (!readout) continue;
    let plot = null;
    const open = () => (plot ??= kinds[svg.dataset.plot](svg, (text) => { readout.textContent = text; }));
    const move = (event) => {
      const matrixToDrawing = svg.getScreenCTM();
      if (!matrixToDrawing || !open().size) return;
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrixToDrawing.inverse());
      plot.move(point.x, point.y, event.target);
    };
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerdown", move);
    svg.addEventListener("pointerleave", () => plot?.leave());
    svg.addEventListener("blur", () => plot?.leave());
    svg.addEventListener("keydown", (event) => {
      const step = KEYS[event.key];
      if (!step || !open().size) return;
      event.preventDefault();
      plot.key(...step);
    });
  }

  document.querySelectorAll(".centred").forEach((box) => { box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2; });
})();
