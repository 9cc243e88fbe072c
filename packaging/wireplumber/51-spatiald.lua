-- WirePlumber 0.4 (Debian 12): leave a card to spatiald. An example: put your card's name in, and the file into
-- ~/.config/wireplumber/main.lua.d/ (/etc/wireplumber/main.lua.d/ for everybody); then
--
--   systemctl --user restart wireplumber
--
-- The name is what stands after the dash in /proc/asound/cards. Needed only where spatiald cannot agree with WirePlumber
-- by itself, on the session bus, or where the bare card should not be offered to people at all.
table.insert(alsa_monitor.rules, {
  matches = { { { "api.alsa.card.name", "equals", "CARD NAME" } } },
  apply_properties = { ["device.disabled"] = true },
})
