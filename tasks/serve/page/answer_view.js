// Shows an answer while it comes.

/** Makes an element with a class and a text. */
export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/**
 * Shows text in a box as it is, blocks of code in letters of one width, their fences included.
 * @returns Adds text
 */
function textWithCode(box) {
  // characters of the last text up to the line that is still coming
  let begun = 0, code = null;
  let tail = box.appendChild(new Text());
  const move = (length, place) => {
    tail = tail.splitText(length);
    place.append(tail);
    begun = 0;
  };
  return (more) => {
    tail.appendData(more);
    for (let end = tail.data.indexOf("\n", begun); end >= 0; end = tail.data.indexOf("\n", begun)) {
      const isFence = /^ {0,3}```/.test(tail.data.slice(begun, end));
      if (!isFence) begun = end + 1;
      else if (code === null) {
        const ahead = begun;
        code = box.appendChild(element("pre", "code"));
        move(ahead, code);
        begun = end + 1 - ahead;
      } else {
        move(end + 1, box);
        code = null;
      }
    }
  };
}

/**
 * Shows a model's answer, which is empty and under way.
 * @returns What changes it: `said` and `thought` add text, `ended` closes it with a note
 */
export function showAnswer(box, model) {
  const card = element("article", "answer running");
  const details = document.createElement("details"), thought = element("div", "thought");
  details.append(element("summary", "", "Thoughts"), thought);
  details.hidden = true;
  const text = element("div", "text"), foot = element("p", "foot");
  foot.hidden = true;
  card.append(element("h2", "", model), details, text, foot);
  box.append(card);
  return {
    said: textWithCode(text),
    thought(more) {
      details.hidden = false;
      thought.append(more);
    },
    ended(note) {
      card.classList.remove("running");
      foot.textContent = note;
      foot.hidden = note === "";
    },
  };
}
