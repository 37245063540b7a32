// The token has become a cookie by the time a page runs; left in the address it would go along with every copied link.

export function forgetToken(): void {
  const address = new URL(location.href);
  if (!address.searchParams.has('token')) return;
  address.searchParams.delete('token');
  history.replaceState(null, '', address);
}
