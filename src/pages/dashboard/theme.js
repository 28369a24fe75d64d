// The colours that were chosen here before, set before anything is drawn. Without a choice the system's are taken.
try {
  document.documentElement.dataset.theme = localStorage.getItem("ollama-tap-theme") || "system";
} catch {
  document.documentElement.dataset.theme = "system"; // storage may be forbidden
}
