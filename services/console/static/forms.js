// Answers are sent without leaving the page; without this script the forms work as well.

export function startForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = form.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
    if (form.dataset.answer === undefined) return;
    event.preventDefault();
    send(form, event.submitter);
  });
}

async function send(form, button) {
  if (form.dataset.sending) return; // a double click
  form.dataset.sending = "yes";
  const fields = new URLSearchParams(new FormData(form, button));
  const buttons = form.querySelectorAll("button");
  buttons.forEach((each) => each.setAttribute("aria-disabled", "true"));
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: fields,
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(8000),
    });
    if (answer.status === 401) location.reload();
    if (!answer.ok) say((await answer.json()).detail);
    else hush();
    form.closest("details")?.removeAttribute("open");
  } catch {
    say(document.body.dataset.failed);
  } finally {
    delete form.dataset.sending;
    buttons.forEach((each) => each.removeAttribute("aria-disabled"));
  }
}

function say(text) {
  const news = document.getElementById("news");
  news.textContent = text;
  news.className = "banner bad";
  news.hidden = false;
}

function hush() {
  document.getElementById("news").hidden = true;
}
