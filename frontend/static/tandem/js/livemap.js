/** People on the map: marks, wedges, bubbles, links between partners, tails, SOS beacons, names. */

import { Marker } from "/static/vendor/maplibre/maplibre-gl.mjs";

import { gather, needsOf, partsOf, statesOf, stepOf } from "./crowd.js";
import { stateWords } from "./livecrowd.js";
import { BELOW_NAMES } from "./map.js";
import { digit, draw, drawNeed, drawWedge, lookAt, lookOf, nameOf, readColours, rgb } from "./marks.js";
import { lostAfter, mercatorX, mercatorY } from "./views.js";
import { MOST_NAMES, NameLayer } from "./names.js";
import { SpriteLayer } from "./sprites.js";

/** @typedef {import("./picture.js").View} View */
/** @typedef {import("./crowd.js").Cluster} Cluster */
/** @typedef {import("maplibre-gl").GeoJSONSource} GeoJSONSource */

const MOVING_MPS = 0.4;
const WEDGE_ZOOM = 13;
const LINES_ZOOM = 13;
const NAMES_ZOOM = 15;
const WEDGE_AWAY_PX = 18.25;
const HIT_PX = 14;
const MORE = 0.5; // screens laid out beside what is seen, so that a drag finds people there
/** @type {import("geojson").FeatureCollection} */
const NOTHING = { type: "FeatureCollection", features: [] };

/** Size of the marks by zoom. @param {number} zoom */
function sizeAt(zoom) {
  if (zoom <= 13) return 0.45 + (0.35 * Math.max(0, Math.min(4, zoom - 9))) / 4;
  return 0.8 + (0.2 * Math.min(2, zoom - 13)) / 2;
}

/** Radius of a bubble, px. @param {number} count */
export function radiusOf(count) {
  return 12 + 4 * String(count).length;
}

export class PeopleLayer {
  /**
   * @param {import("./map.js").TandemMap} tandem
   * @param {import("./picture.js").Picture} picture
   * @param {{pick: (person: number | null) => void, open: (cluster: Cluster) => void}} on
   */
  constructor(tandem, picture, on) {
    this.map = tandem.map;
    this.picture = picture;
    this.on = on;
    this.colours = readColours();
    /** @type {View[]} */
    this.views = [];
    /** @type {{marks: View[], clusters: Cluster[]}} what the map shows */
    this.laid = { marks: [], clusters: [] };
    this.step = NaN;
    /** @type {import("./crowd.js").Box} where marks are laid out */
    this.box = { west: 0, east: 0, north: 0, south: 0 };
    /** @type {Map<number, Marker>} */
    this.beacons = new Map();
    this.tailsOn = true;
    /** @type {number | null} */
    this.chosen = null;
    /** @type {number | null} */
    this.hovered = null;
    /** another tool has the pointer */
    this.paused = false;
    this.sprites = new SpriteLayer("people", (name) => this.makeImage(name));
    this.names = new NameLayer("names");
    this.tip = document.createElement("div");
    this.tip.className = "crowd-tip";
    this.tip.hidden = true;
    this.map.getContainer().append(this.tip);
    this.addLayers();
    tandem.onPalette(() => this.recolour());
    const { map } = this;
    map.on("webglcontextrestored", () => {
      map.addLayer(this.sprites);
      map.addLayer(this.names);
    });
    map.on("zoom", () => {
      this.sprites.marks = sizeAt(map.getZoom());
      if (stepOf(map.getZoom()) !== this.step) this.lay();
    });
    map.on("move", () => {
      const { west, east, north, south } = this.screen(0);
      const { box } = this;
      if (west < box.west || east > box.east || north > box.north || south < box.south) this.lay();
    });
    map.on("moveend", () => this.updateNames());
    map.on("movestart", () => this.hover(null));
    map.on("click", (event) => {
      if (!this.paused) this.openAt(event.point);
    });
    map.on("mousemove", (event) => this.hover(this.paused ? null : this.hitAt(event.point)));
    map.on("mouseout", () => this.hover(null));
  }

  addLayers() {
    const { map } = this;
    for (const id of ["tails", "links"]) {
      // Below the zoom of a street few tiles hold them all: fewer to cut anew when people move.
      map.addSource(id, { type: "geojson", data: NOTHING, maxzoom: 14 });
    }
    map.addLayer(
      {
        id: "tails",
        type: "line",
        source: "tails",
        minzoom: LINES_ZOOM,
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-width": 2.5, "line-opacity": 0.6, "line-color": ["get", "colour"] },
      },
      BELOW_NAMES,
    );
    map.addLayer({
      id: "links",
      type: "line",
      source: "links",
      minzoom: LINES_ZOOM,
      paint: { "line-width": 1.4, "line-color": this.colours.together },
    });
    this.sprites.marks = sizeAt(map.getZoom());
    map.addLayer(this.sprites);
    map.addLayer(this.names);
  }

  recolour() {
    this.colours = readColours();
    const { map, colours } = this;
    this.names.recolour(colours.text, colours.edge);
    map.setPaintProperty("links", "line-color", colours.together);
    this.sprites.parts = [
      colours.alone,
      colours.lost,
      colours.parked,
      colours.together,
      colours.unknown,
    ].map(rgb);
    this.sprites.ground = rgb(colours.edge);
    this.sprites.redraw();
  }

  /** @param {string} name @returns {HTMLCanvasElement} */
  makeImage(name) {
    const look = lookOf(name);
    if (look) return draw(look, this.colours);
    if (name.startsWith("need:")) {
      return drawNeed(name === "need:long" ? "long" : "silent", this.colours);
    }
    return name === "wedge" ? drawWedge(this.colours) : digit(name, this.colours);
  }

  /**
   * Bring the map up to what the views say.
   * @param {View[]} views people to show; others leave the map
   */
  update(views) {
    this.views = views;
    this.lay();
    this.drawBeacons(views);
  }

  /** Lay out marks and bubbles for the zoom, and hand them to the graphics card. */
  lay() {
    const { map, sprites } = this;
    const zoom = map.getZoom();
    const middle = map.getCenter();
    this.step = stepOf(zoom);
    this.box = this.screen(MORE);
    const centre = { x: mercatorX(middle.lng), y: mercatorY(middle.lat) };
    this.laid = gather(this.views, zoom, this.chosen, centre, this.box);
    sprites.begin(middle.lng, middle.lat);
    for (const cluster of this.laid.clusters) this.layCluster(cluster);
    const wedge = sprites.slot("wedge");
    for (const view of this.laid.marks) {
      const { x, y } = view;
      const fix = /** @type {import("./frames.js").Fix} */ (view.fix);
      if (zoom >= WEDGE_ZOOM && view.fresh && fix.course !== null && (fix.speed ?? 0) >= MOVING_MPS) {
        const course = (fix.course * Math.PI) / 180;
        sprites.image(x, y, 0, -WEDGE_AWAY_PX, wedge, course, 1);
      }
      const look = nameOf(lookAt(view, lostAfter(this.picture.rules, view.person.interval)));
      sprites.image(x, y, 0, 0, sprites.slot(look), 0, 1);
    }
    sprites.end();
    this.updateNames();
  }

  /**
   * What the map shows, in degrees.
   * @param {number} more screens beside it on each side
   * @returns {import("./crowd.js").Box}
   */
  screen(more) {
    const bounds = this.map.getBounds();
    const [west, east] = [bounds.getWest(), bounds.getEast()];
    const [north, south] = [bounds.getNorth(), bounds.getSouth()];
    const [wide, high] = [(east - west) * more, (north - south) * more];
    return { west: west - wide, east: east + wide, north: north + high, south: south - high };
  }

  /** @param {Cluster} cluster */
  layCluster(cluster) {
    const { sprites } = this;
    const { x, y, members } = cluster;
    const parts = partsOf(cluster);
    sprites.bubble(x, y, radiusOf(members.length), parts.map((part) => part / members.length));
    const text = String(members.length);
    for (let i = 0; i < text.length; i += 1) {
      const dx = (i - (text.length - 1) / 2) * 8;
      sprites.image(x, y, dx, 0, sprites.slot(text[i]), 0, -1);
    }
    // Signs on the edge, above and below on the right.
    const { long, silent } = needsOf(members);
    const away = radiusOf(members.length) * 0.75;
    if (long) sprites.image(x, y, away, -away, sprites.slot("need:long"), 0, -1);
    if (silent) sprites.image(x, y, away, away, sprites.slot("need:silent"), 0, -1);
  }

  /** What is drawn, for whoever tests or measures the page; empty until the map has drawn it. */
  drawn() {
    if (!this.sprites.draws) return { marks: [], clusters: [], names: [] };
    return {
      names: [...this.names.sides.keys()],
      marks: this.laid.marks.map((view) => ({
        id: view.person.id,
        lon: view.fix?.lon,
        lat: view.fix?.lat,
        kind: view.kind,
      })),
      clusters: this.laid.clusters.map(({ lon, lat, members }) => ({
        lon,
        lat,
        people: members.map((view) => view.person.id),
        states: Object.fromEntries(statesOf(members)),
        needs: needsOf(members),
      })),
    };
  }

  /** Names of marks in sight, as many as fit: pointed at and chosen, then who needs a look. */
  updateNames() {
    const { map, laid } = this;
    const all = map.getZoom() >= NAMES_ZOOM;
    const box = this.screen(0);
    /** @type {import("./names.js").Named[]} */
    const named = [];
    for (let i = laid.marks.length - 1; i >= 0; i -= 1) {
      const { person, fix, kind, x, y } = laid.marks[i];
      const first = person.id === this.chosen || person.id === this.hovered;
      const wanted = first || ((all || kind === "sos") && named.length < MOST_NAMES);
      if (!wanted || !fix) continue;
      if (fix.lon < box.west || fix.lon > box.east || fix.lat < box.south || fix.lat > box.north) continue;
      if (first) named.unshift({ id: person.id, name: person.name, x, y });
      else named.push({ id: person.id, name: person.name, x, y });
    }
    this.names.lay(named, map.getCenter(), 512 * 2 ** map.getZoom());
  }

  /** Tails and links of the marks in sight; drawn less often than the marks. */
  updateLines() {
    const tails = [];
    const links = [];
    if (this.map.getZoom() >= LINES_ZOOM) {
      const box = this.map.getBounds();
      const here = new Map();
      for (const view of this.laid.marks) {
        if (view.fix && box.contains([view.fix.lon, view.fix.lat])) here.set(view.person.id, view);
      }
      for (const [id, view] of here) {
        const tail = this.tailsOn ? this.picture.tail(id) : [];
        if (tail.length > 1) tails.push(line(tail, { colour: this.colourOf(view) }));
        for (const partner of view.kind === "together" ? (view.state?.partners ?? []) : []) {
          const other = here.get(partner)?.fix;
          if (other && id < partner) {
            links.push(line([[view.fix.lon, view.fix.lat], [other.lon, other.lat]], {}));
          }
        }
      }
    }
    this.setLines("tails", tails);
    this.setLines("links", links);
  }

  /** @param {string} name @param {import("geojson").Feature[]} features */
  setLines(name, features) {
    if (!features.length && this.empty.has(name)) return;
    if (features.length) this.empty.delete(name);
    else this.empty.add(name);
    void this.source(name).setData({ type: "FeatureCollection", features });
  }

  /** @type {Set<string>} */
  empty = new Set(["tails", "links"]);

  /** @param {View} view */
  colourOf(view) {
    const kind = view.kind === "waiting" || view.kind === "off" ? "lost" : view.kind;
    return this.colours[kind];
  }

  /** @param {View[]} views a pulse under each SOS, with the place of the alarm itself if need be */
  drawBeacons(views) {
    const wanted = new Map();
    for (const view of views) {
      if (!view.alarm) continue;
      const place = view.fix ?? view.alarm;
      if (place.lon !== null && place.lat !== null) {
        wanted.set(view.alarm.id, { at: [place.lon, place.lat], alarm: view.alarm });
      }
    }
    for (const [id, beacon] of this.beacons) {
      if (!wanted.has(id)) {
        beacon.remove();
        this.beacons.delete(id);
      }
    }
    for (const [id, { at, alarm }] of wanted) {
      let beacon = this.beacons.get(id);
      if (!beacon) {
        const element = document.createElement("div");
        element.className = "sos-beacon";
        element.setAttribute("aria-hidden", "true");
        beacon = new Marker({ element }).setLngLat(at).addTo(this.map);
        this.beacons.set(id, beacon);
      }
      beacon.setLngLat(at);
      beacon.getElement().classList.toggle("answered", alarm.acknowledged !== null);
    }
  }

  /**
   * The mark or bubble at a point of the map, the topmost first.
   * @param {{x: number, y: number}} point px
   * @returns {View | Cluster | null}
   */
  hitAt(point) {
    const at = this.map.unproject([point.x, point.y]);
    const [x, y] = [mercatorX(at.lng), mercatorY(at.lat)];
    const px = 1 / (512 * 2 ** this.map.getZoom());
    let best = null;
    let least = (HIT_PX * px) ** 2;
    for (const mark of this.laid.marks) {
      const away = (mark.x - x) ** 2 + (mark.y - y) ** 2;
      if (away <= least) {
        best = mark;
        least = away;
      }
    }
    if (best) return best;
    for (const cluster of this.laid.clusters) {
      const reach = (radiusOf(cluster.members.length) * px) ** 2;
      if ((cluster.x - x) ** 2 + (cluster.y - y) ** 2 <= reach) return cluster;
    }
    return null;
  }

  /** As a click there does. @param {{x: number, y: number}} point px */
  openAt(point) {
    const hit = this.hitAt(point);
    if (hit && "members" in hit) this.on.open(hit);
    else this.on.pick(hit ? hit.person.id : null);
  }

  /** @param {View | Cluster | null} hit */
  hover(hit) {
    const cluster = hit && "members" in hit ? hit : null;
    const id = hit && "person" in hit ? hit.person.id : null;
    if (!this.paused) this.map.getCanvas().style.cursor = hit ? "pointer" : "";
    this.tip.hidden = !cluster;
    if (cluster) {
      const at = this.map.project([cluster.lon, cluster.lat]);
      this.tip.style.left = `${at.x}px`;
      this.tip.style.top = `${at.y - radiusOf(cluster.members.length)}px`;
      this.tip.textContent = clusterWords(cluster.members);
    }
    if (id === this.hovered) return;
    this.hovered = id;
    this.updateNames();
  }

  /** @param {string} name */
  source(name) {
    return /** @type {GeoJSONSource} */ (this.map.getSource(name));
  }
}

/** "27 people: Alone 3 (1 too long) · Together 24". @param {View[]} members */
function clusterWords(members) {
  const people = ngettext("%(n)s person", "%(n)s people", members.length);
  return `${interpolate(people, { n: members.length }, true)}: ${stateWords(members)}`;
}

/**
 * @param {number[][]} coordinates
 * @param {Record<string, unknown>} properties
 */
function line(coordinates, properties) {
  return {
    type: /** @type {const} */ ("Feature"),
    geometry: { type: /** @type {const} */ ("LineString"), coordinates },
    properties,
  };
}
