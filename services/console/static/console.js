// The start of every page: keeps it up to date, and gives its buttons their work.

import { startAges } from "./ages.js";
import { startForms } from "./forms.js";
import { startFigures } from "./figure.js";
import { startReplay } from "./replay.js";
import { startSound } from "./sound.js";
import { startStream } from "./stream.js";

startAges();
startForms();
const figures = startFigures();
startReplay();
if (document.body.dataset.stream !== undefined) {
  startStream(document.body.dataset.stream, figures, startSound());
}
