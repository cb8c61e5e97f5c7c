/**
 * What the planner's map shows beside streets: stations by shape, reaches, hotspots by how they
 * are served. Draws what it is given; fetches nothing.
 */

import * as maplibre from "/static/vendor/maplibre/maplibre-gl.mjs";

/** @typedef {import("./map.js").TandemMap} TandemMap */
/** @typedef {import("geojson").FeatureCollection} Collection */
/** @typedef {[number, number]} LonLat degrees */

const NONE = /** @type {Collection} */ ({ type: "FeatureCollection", features: [] });
const SOURCES = ["plan-reach", "plan-one", "plan-try", "plan-hotspots", "plan-middles", "plan-stations"];
const ZOOMED_WIDTH = ["interpolate", ["exponential", 1.5], ["zoom"], 11, 2.5, 14, 6, 17, 16];

/** A colour of tokens.css as it is now. @param {string} name */
function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The cross over what is closed, and the sign on what is left out: shapes, not colours alone.
 * @param {"closed" | "missed" | "partly"} name */
function sign(name) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 48;
  const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  c.lineWidth = 5;
  c.lineCap = "round";
  if (name === "closed") {
    c.strokeStyle = token("--text");
    c.moveTo(8, 40);
    c.lineTo(40, 8);
    c.stroke();
  } else {
    c.beginPath();
    c.arc(24, 24, 18, 0, 2 * Math.PI);
    c.fillStyle = token("--surface");
    c.fill();
    c.strokeStyle = token("--text");
    c.lineWidth = 4;
    c.stroke();
    c.beginPath();
    if (name === "missed") {
      c.moveTo(16, 16);
      c.lineTo(32, 32);
      c.moveTo(32, 16);
      c.lineTo(16, 32);
      c.lineWidth = 5;
      c.stroke();
    } else {
      c.arc(24, 24, 11, -Math.PI / 2, Math.PI / 2);
      c.fillStyle = token("--text");
      c.fill();
    }
  }
  return c.getImageData(0, 0, 48, 48);
}

/** Layers, bottom first; colours are read when they are drawn. @param {string[]} fonts */
function layers(fonts) {
  const station = token("--accent");
  const hotspot = token("--hotspot");
  const text = token("--text");
  const ground = token("--surface");
  /** @param {string} state */
  const is = (state) => ["==", ["get", "state"], state];
  return /** @type {any[]} */ ([
    { id: "plan-reach", type: "fill", source: "plan-reach", paint: { "fill-color": station, "fill-opacity": 0.13 } },
    { id: "plan-reach-edge", type: "line", source: "plan-reach", paint: { "line-color": station, "line-width": 1.2, "line-opacity": 0.6 } },
    { id: "plan-one", type: "fill", source: "plan-one", paint: { "fill-color": station, "fill-opacity": 0.2 } },
    { id: "plan-one-edge", type: "line", source: "plan-one", paint: { "line-color": station, "line-width": 2.2 } },
    { id: "plan-try-edge", type: "line", source: "plan-try", paint: { "line-color": text, "line-width": 2, "line-dasharray": ["literal", [2, 2]] } },
    {
      id: "plan-hotspots-reached", type: "line", source: "plan-hotspots", filter: is("reached"),
      layout: { "line-cap": "round" },
      paint: { "line-color": hotspot, "line-width": ZOOMED_WIDTH, "line-opacity": 0.6 },
    },
    {
      id: "plan-hotspots-partly", type: "line", source: "plan-hotspots", filter: is("partly"),
      paint: { "line-color": hotspot, "line-width": ZOOMED_WIDTH, "line-dasharray": ["literal", [1.6, 0.8]] },
    },
    // Hazard tape: an edge, a dark ground, dashes. It reads without colour, in light and dark.
    {
      id: "plan-hotspots-missed-edge", type: "line", source: "plan-hotspots", filter: is("not_reached"),
      paint: { "line-color": token("--alone"), "line-width": ["interpolate", ["exponential", 1.5], ["zoom"], 11, 5.5, 14, 10, 17, 21] },
    },
    {
      id: "plan-hotspots-missed-ground", type: "line", source: "plan-hotspots", filter: is("not_reached"),
      paint: { "line-color": token("--on-state"), "line-width": ["interpolate", ["exponential", 1.5], ["zoom"], 11, 4, 14, 8, 17, 18] },
    },
    {
      id: "plan-hotspots-missed", type: "line", source: "plan-hotspots", filter: is("not_reached"),
      paint: { "line-color": token("--alone"), "line-width": ["interpolate", ["exponential", 1.5], ["zoom"], 11, 4, 14, 8, 17, 18], "line-dasharray": ["literal", [0.5, 0.5]] },
    },
    {
      id: "plan-signs", type: "symbol", source: "plan-middles", filter: ["!=", ["get", "state"], "reached"],
      layout: {
        "icon-image": ["match", ["get", "state"], "partly", "plan-partly", "plan-missed"],
        "icon-allow-overlap": true,
        "icon-size": ["interpolate", ["linear"], ["zoom"], 11, 0.6, 15, 1],
        "text-field": ["step", ["zoom"], "", 14.5, ["get", "name"]],
        "text-font": fonts, "text-size": 12, "text-anchor": "top", "text-offset": ["literal", [0, 1.1]], "text-optional": true,
      },
      paint: { "text-color": text, "text-halo-color": ground, "text-halo-width": 1.4 },
    },
    {
      id: "plan-stations", type: "symbol", source: "plan-stations",
      layout: {
        "icon-image": ["match", ["get", "kind"], "post_house", "station-post_house", "kiosk", "station-kiosk", "community_point", "station-community_point", "station-service_window"],
        "icon-allow-overlap": true,
        "icon-size": ["interpolate", ["linear"], ["zoom"], 11, 0.7, 15, 1.1],
        "text-field": ["step", ["zoom"], "", 14, ["get", "name"]],
        "text-font": fonts, "text-size": 12, "text-anchor": "top", "text-offset": ["literal", [0, 1]], "text-optional": true,
      },
      paint: {
        "icon-opacity": ["case", ["get", "open"], 1, 0.55],
        "text-color": text, "text-halo-color": ground, "text-halo-width": 1.4,
      },
    },
    {
      id: "plan-closed", type: "symbol", source: "plan-stations", filter: ["!", ["get", "open"]],
      layout: { "icon-image": "plan-closed", "icon-allow-overlap": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 11, 0.6, 15, 0.9] },
    },
  ]);
}

/** The middle of a hotspot's longest line, for its sign.
 * @param {GeoJSON.MultiLineString} geometry @returns {LonLat} */
function middleOf(geometry) {
  const line = geometry.coordinates.toSorted((a, b) => b.length - a.length)[0];
  const at = Math.floor((line.length - 1) / 2);
  const [one, other] = [line[at], line[Math.min(at + 1, line.length - 1)]];
  return [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
}

/** Metres between two places, on a sphere (WGS-84's mean radius): to say how far a mark was moved.
 * @param {LonLat} one @param {LonLat} other */
export function metresBetween(one, other) {
  const radians = Math.PI / 180;
  const dLat = (other[1] - one[1]) * radians;
  const dLon = (other[0] - one[0]) * radians;
  const a =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(one[1] * radians) * Math.cos(other[1] * radians) * Math.sin(dLon / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(a));
}

/**
 * Put the planner's layers on a map.
 * @param {TandemMap} tandem
 */
export function planLayers(tandem) {
  const { map } = tandem;
  for (const name of SOURCES) map.addSource(name, { type: "geojson", data: NONE });
  addSigns();
  const fonts = /** @type {string[]} */ (map.getLayoutProperty("street-names", "text-font"));
  const below = map.getLayer("street-names") ? "street-names" : undefined;
  for (const layer of layers(fonts)) {
    map.addLayer(layer, layer.type === "symbol" ? undefined : below);
  }
  /** @type {maplibre.Marker | null} */
  let pin = null;

  function addSigns() {
    for (const name of /** @type {const} */ (["closed", "missed", "partly"])) {
      if (map.hasImage(`plan-${name}`)) map.updateImage(`plan-${name}`, sign(name));
      else map.addImage(`plan-${name}`, sign(name), { pixelRatio: 2 });
    }
  }

  tandem.onPalette(() => {
    addSigns();
    for (const layer of layers(fonts)) {
      for (const [property, value] of Object.entries(layer.paint ?? {})) {
        map.setPaintProperty(layer.id, /** @type {any} */ (property), value);
      }
    }
  });

  /** @param {string} name @param {any} data */
  function draw(name, data) {
    const source = /** @type {maplibre.GeoJSONSource} */ (map.getSource(name));
    source.setData(data ?? NONE);
  }

  return {
    draw,
    /** Hotspots with how each is served. @param {Collection} hotspots @param {{id: number, state: string}[]} served */
    drawHotspots(hotspots, served) {
      const state = new Map(served.map((one) => [one.id, one.state]));
      const features = hotspots.features.map((feature) => ({
        ...feature,
        properties: { ...feature.properties, state: state.get(Number(feature.id)) ?? "reached" },
      }));
      draw("plan-hotspots", { ...NONE, features });
      draw("plan-middles", {
        ...NONE,
        features: features.map((feature) => ({
          ...feature,
          geometry: {
            type: "Point",
            coordinates: middleOf(/** @type {GeoJSON.MultiLineString} */ (feature.geometry)),
          },
        })),
      });
    },
    /** Show or hide the reach of all stations. @param {boolean} on */
    showReaches(on) {
      for (const id of ["plan-reach", "plan-reach-edge"]) {
        map.setLayoutProperty(id, "visibility", on ? "visible" : "none");
      }
    },
    /** Hide the station that stands under the pin. @param {number | null} id */
    hideStation(id) {
      map.setFilter("plan-stations", id === null ? null : ["!=", ["get", "id"], id]);
    },
    /**
     * The mark that can be dragged; `moved` gets its place while it moves and when it rests.
     * @param {LonLat} at @param {string} kind @param {boolean} movable
     * @param {(at: LonLat, rests: boolean) => void} moved
     */
    setPin(at, kind, movable, moved) {
      this.dropPin();
      const element = document.createElement("div");
      element.className = movable ? "pin" : "pin fixed";
      const icon = document.querySelector(`[data-kind-icon="${kind}"] svg`);
      if (icon) element.append(icon.cloneNode(true));
      pin = new maplibre.Marker({ element, draggable: movable }).setLngLat(at).addTo(map);
      /** @param {boolean} rests */
      const tell = (rests) => {
        const { lng, lat } = /** @type {maplibre.Marker} */ (pin).getLngLat();
        moved([lng, lat], rests);
      };
      pin.on("drag", () => tell(false));
      pin.on("dragend", () => tell(true));
    },
    /** @param {LonLat} at */
    movePin(at) {
      pin?.setLngLat(at);
    },
    hasPin: () => pin !== null,
    dropPin() {
      pin?.remove();
      pin = null;
    },
  };
}
