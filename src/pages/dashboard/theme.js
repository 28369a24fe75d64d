// Sets the colours that were chosen in this browser before anything is drawn; without a choice those of the system.
try {
  document.documentElement.dataset.theme = localStorage.getItem("ollama-tap-theme") || "system";
} catch {
  document.documentElement.dataset.theme = "system"; // storage may be forbidden
}
