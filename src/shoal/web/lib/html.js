// One place that binds htm to Preact. Everything below is text: nothing here, and nothing in this folder, makes markup
// from what a list, a proxy or a judge said.
import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
export { Fragment, render } from 'preact';
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
