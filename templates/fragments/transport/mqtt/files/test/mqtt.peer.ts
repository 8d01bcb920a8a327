import { ENV, type Env } from '../src/config/env.js';
import { MqttClient } from '../src/messaging/mqtt.client.js';
import type { Peer } from './peers.js';

export const mqttPeer: Peer = {
  name: 'mqtt',
  events: true,
  env: { MQTT_URL: process.env['MQTT_URL'] ?? 'mqtt://localhost:1883' },
  client: (app, headers) => new MqttClient(app.get<Env>(ENV).MQTT_URL, headers),
};
