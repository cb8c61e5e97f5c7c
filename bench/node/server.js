// The peer of bench/ingest.py: Express and pg with a pool, as such a server is usually written.
// One position a request as Traccar Client posts it; the phone is looked up by its secret, which is
// kept in memory; answered after the INSERT has been committed.
"use strict";

const express = require("express");
const { Pool } = require("pg");

const [port, host, database, user] = process.argv.slice(2);
const pool = new Pool({ host, database, user, port: 5432, max: 10 });
const phones = new Map();

const INSERT = {
  name: "insert",
  text: `INSERT INTO peer_position (bureau_id, person_id, recorded_at, phone_id, received_at, point,
                                    accuracy_m, speed_mps, course_deg, battery, flags)
         VALUES ($1, $2, to_timestamp($3::float8 / 1000), $4, now(),
                 ST_SetSRID(ST_MakePoint($5, $6), 4326), $7, $8, $9, $10, 0)
         ON CONFLICT DO NOTHING`,
};

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(express.urlencoded({ extended: false }));

app.post("/phone/traccar", async (request, response) => {
  const body = request.body;
  const phone = phones.get(body.id);
  const lon = Number(body.lon);
  const lat = Number(body.lat);
  const at = Number(body.timestamp);
  if (phone === undefined) return response.status(400).end();
  if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90 && at > 0)) return response.status(422).end();
  try {
    await pool.query({
      ...INSERT,
      values: [
        phone.bureau_id, phone.person_id, at, phone.id, lon, lat, Number(body.accuracy),
        (Number(body.speed) * 1852) / 3600, Number(body.bearing), Number(body.batt) / 100,
      ],
    });
    response.status(200).end();
  } catch (error) {
    console.error(error.message);
    response.status(503).end();
  }
});

pool
  .query("SELECT secret, id, bureau_id, person_id FROM peer_phone")
  .then(({ rows }) => {
    for (const row of rows) phones.set(row.secret, row);
    app.listen(Number(port), "127.0.0.1");
  })
  .catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
