// A one-time link carries its code behind the "#", which browsers never send. Take it, wipe it from the address, sign in with it.
"use strict";
(() => {
  const code = location.hash.slice(1);
  if (!code) return;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("secret").value = code;
  document.getElementById("door").submit();
})();
