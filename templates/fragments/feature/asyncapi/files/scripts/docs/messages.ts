import type { Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import type { Transport } from '@nestjs/microservices';
import { PARAM_ARGS_METADATA } from '@nestjs/microservices/constants.js';
import { RpcParamtype } from '@nestjs/microservices/enums/rpc-paramtype.enum.js';
import { ListenerMetadataExplorer } from '@nestjs/microservices/listener-metadata-explorer.js';
import type { z } from 'zod';
import { REPLY, type Reply } from '../../src/contract/contract.js';
import { parametersOf } from './service.js';

/** A handler of messages. */
export interface MessageHandler {
  /** Its class and its method. */
  name: string;
  pattern: string;
  isEvent: boolean;
  /** The only transport it takes messages from; none where it is any. */
  transport: Transport | undefined;
  payload: z.ZodType | undefined;
  reply: Reply | undefined;
}

/** Whatever Nest would have listen when the service starts. */
export function messageHandlersOf(controllers: Type[]): MessageHandler[] {
  const explorer = new ListenerMetadataExplorer(new MetadataScanner());
  return controllers.flatMap((controller) => {
    const found = explorer.explore(Object.create(controller.prototype));
    return found.flatMap((one) => {
      const [payload] = parametersOf(
        [controller, one.methodKey, PARAM_ARGS_METADATA],
        RpcParamtype.PAYLOAD,
      ).filter(({ name }) => !name);
      return one.patterns.map((pattern) => ({
        name: `${controller.name}.${one.methodKey}`,
        pattern: textOf(pattern),
        isEvent: one.isEventHandler,
        transport: one.transport,
        payload: payload?.schema,
        reply: Reflect.getMetadata(REPLY, one.targetCallback) as
          Reply | undefined,
      }));
    });
  });
}

/** A pattern as it stands on the wire; of gRPC a service and its method. */
function textOf(pattern: unknown): string {
  if (typeof pattern === 'string') return pattern;
  const { service, rpc } = Object(pattern) as {
    service?: string;
    rpc?: string;
  };
  return service && rpc ? `${service}/${rpc}` : JSON.stringify(pattern);
}
