import type { Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import type { MsPattern, Transport } from '@nestjs/microservices';
import { PARAM_ARGS_METADATA } from '@nestjs/microservices/constants.js';
import { RpcParamtype } from '@nestjs/microservices/enums/rpc-paramtype.enum.js';
import type { PatternMetadata } from '@nestjs/microservices/interfaces/pattern-metadata.interface.js';
import { ListenerMetadataExplorer } from '@nestjs/microservices/listener-metadata-explorer.js';
import { transformPatternToRoute } from '@nestjs/microservices/utils/transform-pattern.utils.js';
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

/** A pattern as Nest routes by it; of gRPC a service and its method. */
function textOf(pattern: PatternMetadata): string {
  if (typeof pattern !== 'object' || !('rpc' in pattern))
    return transformPatternToRoute(pattern as MsPattern);
  return `${pattern['service']}/${pattern['rpc']}`;
}
