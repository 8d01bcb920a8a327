import { Metadata } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import type { Link } from './link.js';
import { grpcService } from './grpc.options.js';
import { TellingGrpcServer } from './grpc.server.js';

export const grpc: Link = {
  name: 'grpc',
  server: (env) => ({
    strategy: new TellingGrpcServer({
      ...grpcService,
      url: env.GRPC_URL,
      gracefulShutdown: true,
      // Whoever develops may ask for the proto; nobody else needs to.
      onLoadPackageDefinition: (definition, server) => {
        if (process.env['NODE_ENV'] !== 'production')
          new ReflectionService(definition).addToServer(server);
      },
    }),
  }),
  headers: (context) =>
    context instanceof Metadata ? context.getMap() : undefined,
};
