export const name = ;
