// Shows a notice while the officer's page is in the background or closed; a tap on it brings the page.
// It keeps no copy of anything and answers no request.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((pages) => {
      const page = pages.find((each) => new URL(each.url).pathname.startsWith("/my/"));
      return page ? page.focus() : self.clients.openWindow("/my/");
    }),
  );
});

// A message of web push names only what it is about.
const WORDS = {
  order: "{{ order|escapejs }}",
  check: "{{ check|escapejs }}",
};
self.addEventListener("push", (event) => {
  let about = "order";
  try {
    about = event.data.json().about;
  } catch {
    // Something must be shown for every message; the page says what it is.
  }
  const body = WORDS[about] ?? WORDS.order;
  event.waitUntil(
    self.registration.showNotification("Tandem", {
      body,
      tag: `push-${about}`,
      icon: "/static/tandem/icon.svg",
    }),
  );
});
