import { type Observable, switchMap } from 'rxjs';
import { fromFetch } from 'rxjs/fetch';
import { outgoingHeaders } from '../context/outgoing-headers.js';

/** Answers of those in between: whom they asked has not answered. */
const UNANSWERED = new Set([502, 503, 504]);

/** A client of a service that speaks HTTP, with JSON in and out. */
export class HttpClient {
  constructor(
    private readonly url: string,
    private readonly headers = outgoingHeaders,
  ) {}

  /** `pattern` is a method and a path, in which `:id` stands for `data.id`. */
  send(pattern: string, data: unknown): Observable<unknown> {
    const [method = 'GET', path = '/'] = pattern.split(' ');
    const rest = { ...(data as Record<string, unknown>) };
    const filled = path.replace(/:(\w+)/g, (_, key: string) => {
      const value = rest[key];
      delete rest[key];
      return encodeURIComponent(String(value));
    });
    const body = method === 'GET' ? undefined : JSON.stringify(rest);
    const headers = { ...this.headers(), 'content-type': 'application/json' };
    // It is given up with the call.
    return fromFetch(this.url.replace(/\/$/, '') + filled, {
      method,
      headers,
      body,
    }).pipe(switchMap(answerOf));
  }

  close(): void {
    // Nothing is held between two calls.
  }
}

/** What the service has answered; a failure is thrown as it came. */
async function answerOf(response: Response): Promise<unknown> {
  if (UNANSWERED.has(response.status))
    throw new Error(`HTTP ${response.status} from ${response.url}`);
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : undefined;
  const code = `HTTP_${response.status}`;
  const failure = { status: 'error', code, message: response.statusText };
  throw Object.assign({}, failure, parsed(text));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
