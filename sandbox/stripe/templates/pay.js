"use strict";
// The page does without this file. With it, fields group what is typed and say at once what is wrong with it;
// what counts is what the server says.

const form = document.getElementById("payment");
const pay = form.querySelector(".pay");
const brandName = document.getElementById("brand");

const BRANDS = [
  { name: "American Express", starts: /^3[47]/, groups: [4, 6, 5], length: 15, cvc: 4 },
  { name: "Mastercard", starts: /^(5[1-5]|2[2-7])/, groups: [4, 4, 4, 4], length: 16, cvc: 3 },
  { name: "Visa", starts: /^4/, groups: [4, 4, 4, 4], length: 16, cvc: 3 },
];
const ANY_BRAND = { name: "", groups: [4, 4, 4, 4, 3], length: 13, longest: 19, cvc: 4, shortestCvc: 3 };

const digitsOf = (text) => text.replace(/[^0-9]/g, "");
const brandOf = (number) => BRANDS.find((brand) => brand.starts.test(number)) || ANY_BRAND;
const brandNow = () => brandOf(form.card_number ? digitsOf(form.card_number.value) : "");

function grouped(text, sizes) {
  const parts = [];
  for (const size of sizes) {
    if (text) parts.push(text.slice(0, size));
    text = text.slice(size);
  }
  return parts.join(" ");
}

function passesLuhn(number) {
  const sum = [...number].reverse().reduce((total, digit, place) => {
    const value = place % 2 ? 2 * digit : Number(digit);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function expiryDigits(text) {
  let digits = digitsOf(text);
  // A browser that fills the form in may write the year in full.
  if (digits.length === 6) digits = digits.slice(0, 2) + digits.slice(4);
  if (digits > "1" && digits.length === 1) digits = `0${digits}`;
  return digits.slice(0, 4);
}

function isPast(digits) {
  const end = new Date(2000 + Number(digits.slice(2)), Number(digits.slice(0, 2)), 1);
  return end <= new Date();
}

// For each field: what of the typed text counts, how it is shown, and whether it is "incomplete" or "wrong".
const FIELDS = {
  email: {
    problem: ({ value }) => (/^[^@\s]+@[^@\s]+\.[^@\s.]+$/.test(value.trim()) ? "" : "incomplete"),
  },
  card_number: {
    counts: (text) => {
      const digits = digitsOf(text);
      const brand = brandOf(digits);
      return digits.slice(0, brand.longest || brand.length);
    },
    shown: (digits) => grouped(digits, brandOf(digits).groups),
    problem: ({ value }) => {
      const digits = digitsOf(value);
      if (digits.length < brandOf(digits).length) return "incomplete";
      return passesLuhn(digits) ? "" : "wrong";
    },
  },
  expiry: {
    counts: expiryDigits,
    shown: (digits, isDeleting) =>
      digits.length > 2 || (digits.length === 2 && !isDeleting)
        ? `${digits.slice(0, 2)} / ${digits.slice(2)}`
        : digits,
    problem: ({ value }) => {
      const digits = expiryDigits(value);
      const month = Number(digits.slice(0, 2));
      if (digits.length < 4 || month < 1 || month > 12) return "incomplete";
      return isPast(digits) ? "wrong" : "";
    },
  },
  cvc: {
    counts: (text) => digitsOf(text).slice(0, brandNow().cvc),
    shown: (digits) => digits,
    problem: ({ value }) => (value.length < (brandNow().shortestCvc || brandNow().cvc) ? "incomplete" : ""),
  },
};

FIELDS.iban = {
  counts: (text) => text.replace(/[^A-Za-z0-9]/g, "").toUpperCase().slice(0, 34),
  shown: (text) => grouped(text, Array(9).fill(4)),
  problem: ({ value }) => (/^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$/.test(value.replaceAll(" ", "")) ? "" : "incomplete"),
};

// What is typed

function retype(input, inputType) {
  const { counts, shown } = FIELDS[input.name];
  const isDeleting = inputType.startsWith("delete");
  let text = counts(input.value);
  let before = counts(input.value.slice(0, input.selectionStart)).length;
  const isAtEnd = input.selectionStart === input.value.length;
  if (isDeleting && text === counts(input.dataset.before || "")) {
    // Only a separator went; whoever deletes one means the character beyond it.
    const gone = inputType === "deleteContentForward" ? before : before - 1;
    text = text.slice(0, Math.max(gone, 0)) + text.slice(gone + 1);
    before = Math.max(gone, 0);
  }
  input.value = shown(text, isDeleting);
  input.dataset.before = input.value;
  const caret = isAtEnd && !isDeleting ? input.value.length : placeOf(input.value, before, counts);
  if (document.activeElement === input) input.setSelectionRange(caret, caret);
}

// Where the caret stands in a text when so many of the characters that count are before it.
function placeOf(text, before, counts) {
  for (let place = 0; place <= text.length; place += 1) {
    if (counts(text.slice(0, place)).length >= before) return place;
  }
  return text.length;
}

function showBrand() {
  if (brandName) brandName.textContent = brandNow().name;
}

function fill(method, values) {
  if (form.elements.payment_method) form.elements.payment_method.value = method;
  for (const [name, value] of Object.entries(values)) {
    form.elements[name].value = value;
    retype(form.elements[name], "");
    say(form.elements[name], "");
  }
  showBrand();
  form.elements[Object.keys(values)[0]].scrollIntoView({ block: "nearest" });
}

// What is wrong

function say(input, problem) {
  const line = document.getElementById(`${input.name}-problem`);
  line.textContent = problem;
  line.hidden = !problem;
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function check(input) {
  const problem = FIELDS[input.name].problem(input);
  say(input, problem && input.dataset[problem]);
  return !problem;
}

// The line that says what is wrong pushes down what is below it. Not while that is being pressed: it would slip away
// from under the pointer, and nothing would have been clicked.
let isPressing = false;
for (const type of ["pointerdown", "pointerup", "pointercancel"]) {
  window.addEventListener(type, () => { isPressing = type === "pointerdown"; }, true);
}

function afterPress(work) {
  if (isPressing) window.addEventListener("pointerup", () => setTimeout(work), { once: true });
  else work();
}

const inputs = Object.keys(FIELDS).map((name) => form.elements[name]).filter(Boolean);

for (const input of inputs) {
  if (FIELDS[input.name].counts) {
    retype(input, "");
    input.addEventListener("input", (event) => retype(input, event.inputType || ""));
  }
  input.addEventListener("input", () => say(input, ""));
  // A field that was left empty may still be filled in; it is asked for when Pay is pressed.
  input.addEventListener("change", () => afterPress(() => input.value && check(input)));
}
if (form.card_number) {
  form.card_number.addEventListener("input", showBrand);
  showBrand();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-card], a[data-iban]");
  if (!link) return;
  event.preventDefault();
  const { card, iban } = link.dataset;
  if (iban) fill("sepa_debit", { iban });
  else fill("card", { card_number: card, expiry: "12 / 34", cvc: "1234".slice(0, brandOf(card).cvc) });
});

// Paying

form.noValidate = true;
form.addEventListener("submit", (event) => {
  const wrong = inputs.filter((input) => input.checkVisibility() && !check(input));
  if (wrong.length) {
    event.preventDefault();
    wrong[0].focus();
    return;
  }
  pay.disabled = true;
  pay.dataset.text = pay.textContent;
  pay.textContent = "Processing…";
});
// Whoever comes back with the browser's button finds the page as it was left: with a button that cannot be pressed.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && pay.dataset.text) {
    pay.disabled = false;
    pay.textContent = pay.dataset.text;
  }
});
