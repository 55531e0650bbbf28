// Stick figures on a canvas: people by their landmarks (BlazePose, 33 points), and zones.

const LIMBS = [
  [11, 12], [11, 23], [12, 24], [23, 24],
  [11, 13], [13, 15], [12, 14], [14, 16],
  [23, 25], [25, 27], [24, 26], [26, 28],
  [27, 31], [28, 32],
];
const NOSE = 0;
const LEAST_VISIBLE = 0.3;

const USUAL_ASPECT = 4 / 3;

// Draws a moment: { people, zones, aspect }. Places are in heights of the picture from
// its upper left corner; the aspect is its width over its height.
export function draw(canvas, { people, zones, aspect }) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const style = getComputedStyle(canvas);
  const colours = [style.getPropertyValue("--limb"), style.getPropertyValue("--other")];
  context.clearRect(0, 0, width, height);
  const wide = aspect || USUAL_ASPECT;
  const scale = Math.min(height, width / wide);
  const left = (width - wide * scale) / 2;
  const top = (height - scale) / 2;
  const place = ([x, y]) => [left + x * scale, top + y * scale];
  context.lineWidth = Math.max(1.5, height / 160);
  context.strokeStyle = style.getPropertyValue("--zone");
  context.setLineDash([height / 40, height / 40]);
  for (const zone of zones) outline(context, zone.points.map(place));
  context.setLineDash([]);
  context.lineWidth = Math.max(3, height / 60);
  context.lineCap = "round";
  people.forEach((person, order) => {
    context.strokeStyle = colours[Math.min(order, 1)];
    stroke(context, person.points, place, height);
  });
}

function outline(context, points) {
  context.beginPath();
  points.forEach(([x, y], order) => (order ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.stroke();
}

function stroke(context, points, place, height) {
  const seen = (number) => points[number] && points[number][2] >= LEAST_VISIBLE;
  for (const [one, other] of LIMBS) {
    if (!seen(one) || !seen(other)) continue;
    context.beginPath();
    context.moveTo(...place(points[one]));
    context.lineTo(...place(points[other]));
    context.stroke();
  }
  if (!seen(NOSE)) return;
  context.beginPath();
  context.arc(...place(points[NOSE]), height / 24, 0, 2 * Math.PI);
  context.stroke();
}

// Plays what each report has seen, one report later than it was.
export function startFigures() {
  const playing = new Map();
  for (const canvas of document.querySelectorAll("canvas[data-live]")) {
    if (canvas.dataset.live) play(canvas, JSON.parse(canvas.dataset.live), playing);
  }
  return (canvas, seen) => play(canvas, seen, playing);
}

function play(canvas, seen, playing) {
  for (const timer of playing.get(canvas) ?? []) clearTimeout(timer);
  const { poses, zones, aspect } = seen;
  const start = poses.length ? Date.parse(poses[0].at) : 0;
  if (!poses.length) draw(canvas, { people: [], zones, aspect });
  playing.set(canvas, poses.map((pose) => setTimeout(
    () => draw(canvas, { people: pose.people, zones, aspect }),
    Math.min(Date.parse(pose.at) - start, 4000),
  )));
}
