// Shows a notice while the officer's page is in the background; a tap on it brings the page back.
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
