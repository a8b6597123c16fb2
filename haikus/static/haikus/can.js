// What this browser can do is known before anything is drawn, so nothing comes late and moves the rest: not deferred.
"use strict";

if (navigator.clipboard) document.documentElement.classList.add("copies");
if (navigator.share) document.documentElement.classList.add("shares");
