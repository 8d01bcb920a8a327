export const tcp = (url: string) => url;
